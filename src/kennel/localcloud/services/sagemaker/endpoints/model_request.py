"""One request to a model server, and its answer, whole or part by part."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import urllib3

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
INVOCATION_SECONDS = 60.0
LONGEST_BODY = 25 * 1024 * 1024  # https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
PART_BYTES = 65_536  # of a part of an answer, at most


class IncompleteAnswerError(Exception):
    """The connection broke in the middle of an answer."""


@dataclass(frozen=True)
class Answer:
    """What a model server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class OpenAnswer:
    """The head of an answer, whose body still comes.

    Attributes
    ----------
    status, headers
        The model server's.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse) -> None:
        self._response = response
        self.status, self.headers = response.status, response.headers

    def whole(self, longest: int = LONGEST_BODY) -> Answer:
        """Return the answer with its whole body.

        Parameters
        ----------
        longest
            How many bytes are read at most: an answer without an end must not take the machine's memory.

        Raises
        ------
        IncompleteAnswerError
            It is longer.
        IncompleteAnswerError, urllib3.exceptions.HTTPError
            As of `opened`.
        """
        body = bytearray()
        for part in self.parts():
            body += part
            if len(body) > longest:
                raise IncompleteAnswerError(f"it is longer than {longest} bytes")
        return Answer(self.status, self.headers, bytes(body))

    def parts(self) -> Iterator[bytes]:
        """Yield the body as it comes: each chunk at once, if the server sends chunks.

        Raises
        ------
        IncompleteAnswerError, urllib3.exceptions.HTTPError
            As of `opened`.
        """
        try:
            if "Content-Length" in self.headers:
                while part := self._response.read1(PART_BYTES):
                    yield part
            else:
                yield from self._response.stream(PART_BYTES)
        except urllib3.exceptions.ProtocolError as error:
            raise IncompleteAnswerError(str(error)) from error


@contextlib.contextmanager
def opened(
    pool: urllib3.HTTPConnectionPool,
    body: bytes,
    headers: dict[str, str],
    seconds: float | None = None,
) -> Iterator[OpenAnswer]:
    """Ask the server behind a pool of connections; its answer can be read in this context.

    Parameters
    ----------
    pool, body, headers
        The server, and what it gets.
    seconds
        How long it may be silent; by default as InvokeEndpoint.

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
            raise IncompleteAnswerError("its length is not known")
        yield OpenAnswer(response)
    except BaseException:
        response.close()  # what is left of the answer must not be read as the next one
        raise
    finally:
        response.release_conn()
