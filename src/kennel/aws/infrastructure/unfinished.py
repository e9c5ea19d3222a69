"""The note beside a state that a change of it was begun and has not succeeded.

What such a change has created may be missing from the state. The note is an object in the state bucket, not a
local file: the next change may come from another machine.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

from kennel.aws import session
from kennel.aws.infrastructure import state_bucket
from kennel.aws.session import Workspace


def exists(workspace: Workspace) -> bool:
    """Return whether the last change of the state has not succeeded."""
    from botocore.exceptions import ClientError

    try:
        session.client("s3").head_object(**_place(workspace))
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return False
        raise
    return True


def note(workspace: Workspace, who: str | None = None) -> None:
    """Write the note.

    Parameters
    ----------
    who
        Who has begun the change, ``user@host``; by default this process's.
    """
    document = {
        "Who": who or f"{getpass.getuser()}@{socket.gethostname()}",
        "Noted": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    session.client("s3").put_object(**_place(workspace), Body=json.dumps(document).encode())


@contextlib.contextmanager
def noted(workspace: Workspace) -> Iterator[None]:
    """Write the note, and remove it after success."""
    note(workspace)
    yield
    session.client("s3").delete_object(**_place(workspace))


def _place(workspace: Workspace) -> dict[str, str]:
    return state_bucket.place(f"{state_bucket.backend(workspace)['key']}.unfinished")
