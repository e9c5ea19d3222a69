"""The function's URL: HTTPS requests that are signed with the caller's credentials (SigV4)."""

from __future__ import annotations

import json
from typing import Any

from kennel.aws import StackError, session

SECONDS = 60  # more than the function's own limit


def post(url: str, body: bytes, content_type: str) -> tuple[int, dict[str, str], str]:
    """Send a body to the URL; return status code, headers, and the body of the answer, which is JSON.

    Raises
    ------
    StackError
        There are no credentials to sign with.
    """
    import boto3
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    credentials: Any = boto3.Session().get_credentials()
    if credentials is None:
        raise StackError("no AWS credentials to sign with: run aws sso login (or aws configure)")
    request = AWSRequest("POST", url, headers={"Content-Type": content_type}, data=body)
    SigV4Auth(credentials.get_frozen_credentials(), "lambda", session.region()).add_auth(request)
    response = URLLib3Session(timeout=SECONDS).send(request.prepare())
    text = response.content.decode("utf-8", "replace")
    return response.status_code, dict(response.headers), _as_json(text)


def _as_json(text: str) -> str:
    """Return a body as JSON text: what the function did not write, Lambda's own refusals, may be none."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps({"error": text.strip()[:300]})
    return text
