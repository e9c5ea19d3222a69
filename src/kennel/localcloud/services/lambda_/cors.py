"""CORS of function URLs and HTTP APIs: what pages of other origins may send, and what they may read.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.protocol.messages import Environ, Response

NAMES = ("AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge", "AllowCredentials")


@dataclass(frozen=True)
class Cors:
    """What a function URL or an HTTP API lets pages of other origins do."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: int | None = None
    credentials: bool = False

    @classmethod
    def read(cls, settings: Mapping[str, Any] | None) -> Cors | None:
        """Return the settings of a request to Lambda or API Gateway; None if there are none."""
        if not settings:
            return None
        values = [settings.get(name, settings.get(name[0].lower() + name[1:])) for name in NAMES]
        origins, methods, headers, exposed = (tuple(value or ()) for value in values[:4])
        return cls(origins, methods, headers, exposed, values[4], bool(values[5]))

    def settings(self) -> dict[str, Any]:
        """Return the settings as Lambda shows them."""
        values = (self.origins, self.methods, self.headers, self.exposed, self.max_age, self.credentials)
        shown = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in zip(NAMES, values, strict=True)
        }
        return {name: value for name, value in shown.items() if value not in (None, [])}

    def allows(self, environ: Environ) -> bool:
        """Whether the page that sends a request is of an origin that may."""
        origin = environ.get("HTTP_ORIGIN")
        return origin is not None and any(fnmatch.fnmatchcase(origin, each) for each in self.origins)

    def preflight(self, environ: Environ) -> Response:
        """Return the response to a browser's question whether it may send a request."""
        if not self.allows(environ):
            return Response(204, [], b"")
        fields = [
            ("Access-Control-Allow-Methods", ",".join(self.methods)),
            ("Access-Control-Allow-Headers", ",".join(self.headers)),
            ("Access-Control-Max-Age", "" if self.max_age is None else str(self.max_age)),
        ]
        return self.complete(Response(204, [field for field in fields if field[1]], b""), environ)

    def complete(self, response: Response, environ: Environ) -> Response:
        """Add the headers with which a page may read a response; those of the function give way."""
        kept = [
            field for field in response.headers if not field[0].lower().startswith("access-control-allow-o")
        ]
        if not self.allows(environ):
            return Response(response.status, kept, response.body)
        origin = "*" if "*" in self.origins and not self.credentials else environ["HTTP_ORIGIN"]
        fields = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        if self.exposed:
            fields.append(("Access-Control-Expose-Headers", ",".join(self.exposed)))
        if self.credentials:
            fields.append(("Access-Control-Allow-Credentials", "true"))
        return Response(response.status, kept + fields, response.body)


def is_preflight(environ: Environ) -> bool:
    """Whether a browser asks if it may send a request."""
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
