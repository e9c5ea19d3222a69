"""Function URLs: their configurations, and the addresses under which the local cloud serves them.

AWS's form is ``https://<url-id>.lambda-url.<region>.on.aws/``. The local cloud answers at
``http://<url-id>.lambda-url.<region>.localhost:<port>/`` and at ``http://127.0.0.1:<port>/_lambda-url/<url-id>/``;
`FunctionUrl` is the first where this machine resolves such names, else the second.
"""

from __future__ import annotations

import functools
import re
import socket
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.functions import find_version
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.configuration import function_name
from kennel.localcloud.services.lambda_.cors import Cors
from kennel.localcloud.services.lambda_.pool import sandbox_pool

PATH = re.compile(r"/_lambda-url/(?P<id>[0-9a-z]+)(?P<rest>/.*|$)")
HOST = re.compile(r"(?P<id>[0-9a-z]+)\.lambda-url\.[a-z0-9-]+\.localhost", re.IGNORECASE)


@dataclass(frozen=True)
class FunctionUrl:
    """The URL of a function, or of an alias of it.

    Attributes
    ----------
    qualifier
        The alias; None for the unpublished version.
    """

    id: str
    name: str
    qualifier: str | None
    region: str
    auth_type: str
    created: str
    modified: str
    cors: Cors | None = None

    @property
    def host(self) -> str:
        """Its host name, without the port."""
        return f"{self.id}.lambda-url.{self.region}.localhost"


@dataclass
class FunctionUrls(KeptStore):
    """The URLs of a cloud, by function name and qualifier."""

    by_function: dict[tuple[str, str | None], FunctionUrl] = field(default_factory=dict)


def function_urls(cloud: Cloud) -> dict[tuple[str, str | None], FunctionUrl]:
    """Return the URLs of this cloud, by function name and qualifier."""
    return cloud.store(FunctionUrls).by_function


@operation("lambda", "CreateFunctionUrlConfig")
def create_function_url(call: Call) -> dict[str, Any]:
    """Give a function, or an alias of it, its URL."""
    key = _existing_key(call)
    _check_supported(call)
    urls = function_urls(call.cloud)
    with call.cloud.lock:
        if key in urls:
            raise AwsError(
                "ResourceConflictException",
                f"Failed to create function url config for [functionArn = {_arn(call, key)}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function",
                409,
                Type="User",
            )
        now = _now(call)
        urls[key] = FunctionUrl(
            uuid.uuid4().hex,
            *key,
            call.region,
            call.parameters["AuthType"],
            created=now,
            modified=now,
            cors=Cors.read(call.parameters.get("Cors")),
        )
    return _describe(call, urls[key])


@operation("lambda", "GetFunctionUrlConfig")
def get_function_url(call: Call) -> dict[str, Any]:
    """Describe a function's URL."""
    return _describe(call, _url(call))


@operation("lambda", "UpdateFunctionUrlConfig")
def update_function_url(call: Call) -> dict[str, Any]:
    """Change who may call a function's URL."""
    url = _url(call)
    _check_supported(call)
    auth_type = call.parameters.get("AuthType") or url.auth_type
    cors = Cors.read(call.parameters["Cors"]) if "Cors" in call.parameters else url.cors
    changed = function_urls(call.cloud)[url.name, url.qualifier] = replace(
        url, auth_type=auth_type, modified=_now(call), cors=cors
    )
    return _describe(call, changed)


@operation("lambda", "DeleteFunctionUrlConfig")
def delete_function_url(call: Call) -> Response:
    """Take a function's URL away."""
    url = _url(call)
    function_urls(call.cloud).pop((url.name, url.qualifier), None)
    return Response(204, [], b"")


@operation("lambda", "ListFunctionUrlConfigs")
def list_function_urls(call: Call) -> dict[str, Any]:
    """List the URLs of a function and its aliases."""
    name, _ = _existing_key(call)
    urls = [url for url in function_urls(call.cloud).values() if url.name == name]
    return {"FunctionUrlConfigs": [_describe(call, url) for url in urls]}


@operation("lambda", "DeleteFunction")
def delete_function(call: Call) -> Response:
    """Delete a function through moto, and its URLs and idle sandboxes with it."""
    response = call.ask_moto()
    if response.ok and not call.parameters.get("Qualifier"):
        name, urls = function_name(call), function_urls(call.cloud)
        sandbox_pool(call.cloud).discard(name)
        for key in [key for key in urls if key[0] == name]:
            urls.pop(key, None)
    return response


def address(cloud: Cloud, url: FunctionUrl) -> str:
    """Return a URL that programs on this machine can use as it is."""
    if _resolves(url.host):
        return f"http://{url.host}:{cloud.port}/"
    return f"{cloud.endpoint_url}/_lambda-url/{url.id}/"


@functools.cache
def _resolves(host: str) -> bool:
    try:
        addresses = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return False
    return any(found[4][0] == "127.0.0.1" for found in addresses)


def _existing_key(call: Call) -> tuple[str, str | None]:
    """Return the name and alias of a call, which exist.

    Raises
    ------
    AwsError
        ``ResourceNotFoundException``.
    """
    key = function_name(call), call.parameters.get("Qualifier")
    if find_version(call.backend(), *key) is None:
        message = f"Function not found: {_arn(call, key)}"
        raise AwsError("ResourceNotFoundException", message, 404, Type="User")
    return key


def _url(call: Call) -> FunctionUrl:
    url = function_urls(call.cloud).get(_existing_key(call))
    if url is None:
        message = "The resource you requested does not exist."
        raise AwsError("ResourceNotFoundException", message, 404, Type="User")
    return url


def _check_supported(call: Call) -> None:
    """Refuse a qualifier that is no alias, and what the local cloud cannot do.

    Raises
    ------
    AwsError
        ``InvalidParameterValueException``; the message names the member.
    """
    parameters = call.parameters
    problem = ""
    if (parameters.get("Qualifier") or "").isdigit() or parameters.get("Qualifier") == "$LATEST":
        problem = "Qualifier must be an alias: a function URL belongs to one, or to the unpublished version."
    elif parameters.get("AuthType") not in (None, "AWS_IAM", "NONE"):
        problem = f"AuthType must be AWS_IAM or NONE; it is {parameters['AuthType']}."
    elif parameters.get("InvokeMode") not in (None, "BUFFERED"):
        problem = f"The local cloud has no InvokeMode {parameters['InvokeMode']}: use BUFFERED."
    if problem:
        raise AwsError("InvalidParameterValueException", problem, 400, Type="User")


def _describe(call: Call, url: FunctionUrl) -> dict[str, Any]:
    return {
        "FunctionUrl": address(call.cloud, url),
        "FunctionArn": _arn(call, (url.name, url.qualifier)),
        "AuthType": url.auth_type,
        "CreationTime": url.created,
        "LastModifiedTime": url.modified,
        "InvokeMode": "BUFFERED",
        **({"Cors": url.cors.settings()} if url.cors else {}),
    }


def _arn(call: Call, key: tuple[str, str | None]) -> str:
    name, qualifier = key
    return call.arn(f"function:{name}" + (f":{qualifier}" if qualifier else ""))


def _now(call: Call) -> str:
    return call.cloud.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
