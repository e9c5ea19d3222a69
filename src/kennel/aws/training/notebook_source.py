"""What the notebook instance downloads (code, names of the stack), and how a notebook finds its photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kennel.aws import StackError, artifacts, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import bundle

# A notebook instance has neither Terraform nor its state: it reads the stack's outputs from this object.
STACK_KEY = "source/stack.json"
ENVIRONMENT_KEY = "source/environment.tar.gz"


def publish(root: Path, stack: Stack, environment: Path | None = None) -> dict[str, Any]:
    """Upload what the notebook instance downloads when it starts.

    This is the code, the stack's outputs and, optionally, a Python environment.

    Parameters
    ----------
    environment
        A packed Python environment for an instance without access to a package index.

    Returns
    -------
    dict
        ``uri, digest, bytes`` of the code, and the S3 addresses of ``stack`` and ``environment``.
    """
    bucket = stack["artifact_bucket"]
    s3 = session.client("s3")
    if environment is not None:
        if not environment.is_file():
            raise StackError(f"no environment at {environment}: docs/notebook.md says how to pack one")
        s3.upload_file(str(environment), bucket, ENVIRONMENT_KEY)
    outputs = json.dumps(stack.outputs, indent=2, sort_keys=True)
    s3.put_object(Bucket=bucket, Key=STACK_KEY, Body=outputs.encode())
    published = bundle.publish(root, stack)  # last, because the instance waits for it
    return {
        **published,
        "stack": f"s3://{bucket}/{STACK_KEY}",
        "environment": f"s3://{bucket}/{ENVIRONMENT_KEY}" if environment else None,
    }


def published_stack(bucket: str) -> Stack:
    """Return the stack as last published, for the notebook: what it uploads has a prefix of its own.

    Raises
    ------
    StackError
        Nothing has been published.
    """
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=bucket, Key=STACK_KEY)
    except s3.exceptions.NoSuchKey as error:
        raise StackError(f"nothing is published in {bucket}: run ./kennel notebook.publish") from error
    outputs = json.loads(response["Body"].read())
    return Stack(outputs, uploads=outputs["notebook_prefix"])


def photos(stack: Stack, dataset: str) -> dict[str, dict[str, list[str]]]:
    """Return the S3 addresses of a data set's photos: ``{split: {class: [uri, …]}}``.

    Raises
    ------
    StackError
        There is no such data set.
    """
    bucket, prefix = stack["data_bucket"], f"datasets/{dataset}/"
    photos_by_split: dict[str, dict[str, list[str]]] = {}
    for key in sorted(artifacts.objects(bucket, prefix)):
        parts = key.removeprefix(prefix).split("/")
        if len(parts) >= 3:  # other files are not photos
            split, name = parts[-3], parts[-2]
            photos_by_split.setdefault(split, {}).setdefault(name, []).append(f"s3://{bucket}/{key}")
    if not photos_by_split:
        raise StackError(
            f"no data set {dataset!r} in {bucket}: run ./kennel data.upload DIR --name {dataset}"
        )
    return photos_by_split
