"""The notebook's side of the stack: what its instance fetches, and how it finds names and photos there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, bundle, session
from kennel.aws.stack import Stack

# A notebook has neither Terraform nor its state: the stack's names lie beside the code.
STACK_KEY = "source/stack.json"
ENVIRONMENT_KEY = "source/environment.tar.gz"


def publish(root: Path, stack: Stack, environment: Path | None = None) -> dict[str, Any]:
    """Upload what the notebook instance fetches when it starts: the code, the stack's names, an environment.

    Parameters
    ----------
    environment
        A packed Python environment for an instance that reaches no package index.

    Returns
    -------
    dict
        The code's ``uri, digest, bytes``, and the addresses of ``stack`` and ``environment``.
    """
    bucket = stack["artifact_bucket"]
    s3 = session.client("s3")
    if environment is not None:
        if not environment.is_file():
            raise StackError(f"no environment at {environment}: docs/notebook.md says how to pack one")
        s3.upload_file(str(environment), bucket, ENVIRONMENT_KEY)
    names = json.dumps(stack.outputs, indent=2, sort_keys=True)
    s3.put_object(Bucket=bucket, Key=STACK_KEY, Body=names.encode())
    published = bundle.publish(root, stack)  # last: the instance waits for it
    return {
        **published,
        "stack": f"s3://{bucket}/{STACK_KEY}",
        "environment": f"s3://{bucket}/{ENVIRONMENT_KEY}" if environment else None,
    }


def published_stack(bucket: str) -> Stack:
    """Return the stack as it was last published.

    Raises
    ------
    StackError
        Nothing was published.
    """
    s3 = session.client("s3")
    try:
        answer = s3.get_object(Bucket=bucket, Key=STACK_KEY)
    except s3.exceptions.NoSuchKey as error:
        raise StackError(f"nothing is published in {bucket}: run ./kennel notebook.publish") from error
    return Stack(json.loads(answer["Body"].read()))


def photos(stack: Stack, dataset: str) -> dict[str, dict[str, list[str]]]:
    """Return the addresses of a data set's photos: ``{split: {class: [uri, …]}}``.

    Raises
    ------
    StackError
        There is no such data set.
    """
    bucket, prefix = stack["data_bucket"], f"datasets/{dataset}/"
    found: dict[str, dict[str, list[str]]] = {}
    for key in sorted(artifacts.objects(bucket, prefix)):
        parts = key.removeprefix(prefix).split("/")
        if len(parts) >= 3:  # what lies beside the splits is no photo
            split, name = parts[-3], parts[-2]
            found.setdefault(split, {}).setdefault(name, []).append(f"s3://{bucket}/{key}")
    if not found:
        raise StackError(
            f"no data set {dataset!r} in {bucket}: run ./kennel data.upload DIR --name {dataset}"
        )
    return found
