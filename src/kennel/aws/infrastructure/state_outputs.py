"""Terraform's outputs, kept on disk for as long as the state is the one that they were read from.

Whatever Terraform is started for, it first computes the checksum of the provider, 700 MB: two seconds of a
processor, for every task that asks for a bucket's name. To ask S3 for the version of the state takes a
hundredth of that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kennel.aws import session

KEPT = "outputs.json"


def state_version(place: dict[str, str]) -> str | None:
    """Return what identifies the present content of the state; None if there is no state.

    Parameters
    ----------
    place
        The parameters of a call to S3 that name the state.
    """
    from botocore.exceptions import ClientError

    try:
        state = session.client("s3").head_object(**place)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None
    return f"{state.get('VersionId', '')} {state['ETag']}"


def read(folder: Path, version: str, ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the outputs of one version of the state; Terraform is asked if those of another are kept.

    Parameters
    ----------
    folder
        Terraform's working data.
    version
        As `state_version` returned it before this call: if the state changes meanwhile, newer outputs are
        kept for a version that never comes back.
    ask
        Asks Terraform.
    """
    path = folder / KEPT
    try:
        kept = json.loads(path.read_text())
        if kept["state"] == version:
            return dict(kept["outputs"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing is kept, or an interrupted task left half of it
    outputs = ask()
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    # As Terraform's own file with the backend's settings: for this user only.
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"state": version, "outputs": outputs}, file)
    draft.replace(path)
    return outputs
