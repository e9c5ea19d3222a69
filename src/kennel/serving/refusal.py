"""Refusals: why a request is not answered with logits, as an HTTP status and a JSON body."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - a response, not a fault of the program
    """A request that is not answered; its text is one line for the caller."""

    def __init__(self, status: HTTPStatus, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.headers = status, message, headers

    def response(self) -> JSONResponse:
        """Return ``{"error": {"status": N, "message": "..."}}``."""
        return error_response(self.status.value, self.message, self.headers)


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the JSON document that every error has."""
    return JSONResponse({"error": {"status": status, "message": message}}, status, headers)
