"""moto's responses to authorised requests, without the web framework around them.

moto finds the service in the host, the path, headers and the body, and lists the folders of its own package
meanwhile; then Flask makes its contexts. Both together take as long as the answer to a short call. Here the
service is known already: its application is looked up, and of Flask only the routes are used.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse

from botocore.exceptions import ClientError
from flask import Flask, Response
from moto.core.request import normalize_request
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from kennel.localcloud.protocol.canonical import OPERATION, SERVICE
from kennel.localcloud.protocol.messages import Environ


class MotoApplications:
    """The WSGI application that answers what has no handler: each request by the routes of its service."""

    def __init__(self) -> None:
        self._applications = DomainDispatcherApplication(create_backend_app)
        self._by_operation: dict[tuple[str, str], tuple[Flask, Callable[..., Any]]] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, headers, body = _respond(*self._route(environ), environ)
        except HTTPException as error:
            return error(environ, start_response)
        if isinstance(body, str):
            body = body.encode()
        if environ["REQUEST_METHOD"] == "HEAD" or not isinstance(body, bytes):
            return _of_flask(status, headers, body)(environ, start_response)
        fields = Headers(headers)  # as Flask completes them
        fields.setdefault("Content-Type", "text/html; charset=utf-8")
        fields["Content-Length"] = str(len(body))
        start_response(f"{status} ", fields.to_wsgi_list())
        return [body]

    def _route(self, environ: Environ) -> tuple[Flask, Callable[..., Any]]:
        """Return what answers an operation: its paths differ only in the names that they hold."""
        key = environ[SERVICE], environ[OPERATION]
        if key not in self._by_operation:
            application = self._applications.get_application(environ)
            path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
            try:
                routes = application.url_map.bind("localhost")
                endpoint, _ = routes.match(path, method=environ["REQUEST_METHOD"])
            except (NotFound, MethodNotAllowed) as error:
                raise NotImplementedError(f"moto has no route {path}") from error  # the gateway answers 501
            wrapper: Any = application.view_functions[endpoint]  # for Flask, of whose context is none here
            self._by_operation[key] = application, wrapper.callback
        return self._by_operation[key]


def _respond(application: Flask, answer: Callable[..., Any], environ: Environ) -> tuple[int, Any, Any]:
    """Return the status, headers and body that a route's function responds, as moto's own wrapper does."""
    request = normalize_request(application.request_class(environ))
    # The host is the local cloud's own: werkzeug would check and decode it anew for each request.
    root = f"http://{environ['HTTP_HOST']}"
    vars(request).update(url_root=f"{root}/", url=root + environ["RAW_URI"])
    content = environ["wsgi.input"]
    if environ[SERVICE] == "s3" and isinstance(content, io.BytesIO):
        vars(request)["data"] = content.getvalue()  # read already, and no form: no need to copy it
    try:
        result = answer(request, request.raw_url, dict(request.headers))
    except ClientError as error:
        result = 400, {}, error.response["Error"]["Message"]
    return result if len(result) == 3 else (200, {}, result)


def _of_flask(status: int, headers: dict[str, Any], body: Any) -> Response:
    response = Response(response=body, status=status, headers=headers)
    if "content-length" in headers:
        response.headers["Content-Length"] = headers["content-length"]
    return response
