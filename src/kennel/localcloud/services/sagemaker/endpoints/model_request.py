"""One request to a model server, and its whole answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
INVOCATION_SECONDS = 60.0


class IncompleteAnswerError(Exception):
    """The connection broke in the middle of an answer."""


@dataclass(frozen=True)
class Answer:
    """What a model server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    pool: urllib3.HTTPConnectionPool,
    body: bytes,
    headers: dict[str, str],
    seconds: float | None = None,
) -> Answer:
    """Return what the server behind a pool of connections answers.

    Raises
    ------
    IncompleteAnswerError
        The connection broke in the middle of the answer.
    urllib3.exceptions.HTTPError
        It did not answer, or not in time.
    """
    response = pool.urlopen(
        "POST",
        "/invocations",
        body,
        headers,
        retries=False,
        timeout=seconds or INVOCATION_SECONDS,
        preload_content=False,
    )
    try:
        # Both hosts give each answer's length. Without one, headers cut off by the end of a server would look
        # like an empty answer.
        if "Content-Length" not in response.headers and "Transfer-Encoding" not in response.headers:
            response.close()
            raise IncompleteAnswerError("its length is not known")
        return Answer(response.status, response.headers, response.read())
    except urllib3.exceptions.ProtocolError as error:
        raise IncompleteAnswerError(str(error)) from error
    finally:
        response.release_conn()
