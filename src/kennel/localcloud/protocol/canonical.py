"""The request that moto gets: built anew from the decoded one, so that moto executes what was authorised.

moto finds an operation and its parameters by rules of its own: in the host, in the query before the form or
behind it, in headers, in JSON that it reads as a form. Where a request says one thing twice, moto may take
the other. Nothing of a request reaches moto here but what the codec has read, in one place each.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, unquote_to_bytes, urlencode

from kennel.localcloud.protocol.messages import AwsError, Environ
from kennel.localcloud.protocol.signature import RequestSignature, query_pairs

FORM = "application/x-www-form-urlencoded"
QUERY_PROTOCOLS = ("query", "ec2")
# What moto's patched classes take for the call's service, operation, region and protocol.
SERVICE, OPERATION = "kennel.service", "kennel.operation"
OPERATION_REGION, OPERATION_PROTOCOL = "kennel.region", "kennel.protocol"
BUCKET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# Paths that moto, or the gateway before it, takes for something else than a bucket's.
RESERVED = re.compile(r"/(moto-api|favicon\.ico$|latest/(meta-data|api)(/|$)|v20180820/)")
ENCRYPTION = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"  # the algorithm, which a read does not name
# Headers of S3 that no operation's model names and that say nothing of its resource.
S3_HEADERS = re.compile(
    r"HTTP_(X_AMZ_(CHECKSUM_\w+|SDK_CHECKSUM_ALGORITHM|CONTENT_SHA256)|HOST|AUTHORIZATION|TRANSFER_ENCODING)"
)
AUTHENTICATION = re.compile(
    r"x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token)", re.I
)


class Headers(dict[str, str]):
    """The headers of a request, by names in any case: moto's parsers look for every header that there may be.

    Parameters
    ----------
    headers
        Those of moto's request, which spells the names anew at each look-up.
    """

    def __init__(self, headers: Any) -> None:
        items = list(headers.items())
        super().__init__((name.lower(), value) for name, value in items)
        self._names = [name for name, _ in items]

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        """Return a header."""
        return super().get(name.lower(), default)

    def keys(self) -> Any:
        """Return the names as they were sent."""
        return self._names


class ReadForm(dict[str, str]):
    """A form that notes which of its fields were read."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(fields)
        self.read: dict[str, str] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field."""
        if name not in self:
            return default
        self.read[name] = self[name]
        return self[name]


def form_of(environ: Environ, body: bytes) -> dict[str, str]:
    """Return the fields of a request of the query protocol: those of its URL and of its form.

    Raises
    ------
    AwsError
        A field is there twice, or the form is no text.
    """
    pairs = [pair for pair in query_pairs(environ, plus=True) if not AUTHENTICATION.fullmatch(pair[0])]
    if environ.get("CONTENT_TYPE", "").lower().startswith(FORM):
        try:
            pairs += query_pairs({"QUERY_STRING": body.decode("ascii")}, plus=True)
        except UnicodeDecodeError as error:
            raise AwsError("MalformedInput", "The form holds characters that are not escaped.") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise AwsError("MalformedQueryString", f"The request gives the parameter {twice} more than once.")
    return fields


def check_query(model: Any, environ: Environ) -> None:
    """Refuse a query that names two operations, or one parameter twice.

    Raises
    ------
    AwsError
        ``InvalidArgument``.
    """
    names = [name for name, _ in query_pairs(environ) if not AUTHENTICATION.fullmatch(name)]
    if not names:
        return
    single, repeated = _query_names(model)
    if repeated is not None:
        twice = sorted({name for name in single if names.count(name) > 1})
        if twice:
            raise AwsError("InvalidArgument", f"The query gives {', '.join(twice)} more than once.")
    if model.service_model.service_name == "s3":
        other = sorted((set(names) & _subresources(model.service_model)) - single)
        if other:
            named = ", ".join(sorted({*other, *(set(names) & set(model.http_trait.query_args))}))
            raise AwsError("InvalidArgument", f"Conflicting query string parameters: {named}")


@lru_cache(maxsize=4096)
def _query_names(model: Any) -> tuple[frozenset[str], frozenset[str] | None]:
    """Return the query's names that an operation knows: given once, and lists; None if it takes any name."""
    single, repeated = set(model.http_trait.query_args), set[str]()
    every = False
    for name, member in _members(model).items():
        if member.serialization.get("location") == "querystring":
            spelled = member.serialization.get("name", name)
            (repeated if member.type_name == "list" else single).add(spelled)
            every = every or member.type_name == "map"
    return frozenset(single), None if every else frozenset(repeated)


@lru_cache(maxsize=4096)
def _headers(model: Any) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the headers that an operation knows, as WSGI spells them, and the prefixes of others."""
    names, prefixes = set(), []
    for name, member in _members(model).items():
        key = "HTTP_" + member.serialization.get("name", name).upper().replace("-", "_")
        if member.serialization.get("location") == "header":
            names.add(key)
        elif member.serialization.get("location") == "headers":
            prefixes.append(key)
    return frozenset(names), tuple(prefixes)


@lru_cache(maxsize=8)
def _subresources(service_model: Any) -> frozenset[str]:
    """Return every name in a query by which S3 tells its operations apart."""
    models = (service_model.operation_model(name) for name in service_model.operation_names)
    return frozenset(name for model in models for name in model.http_trait.query_args) - {"x-id"}


def _members(model: Any) -> dict[str, Any]:
    shape = model.input_shape
    return dict(shape.members) if shape is not None else {}


def copy_source(text: str) -> tuple[str, str, str]:
    """Return the bucket, key and version that an ``x-amz-copy-source`` names; no version is empty.

    Raises
    ------
    AwsError
        ``InvalidArgument``: it names none, or more than an object and its version.
    """
    path, _, query = text.partition("?")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    name, _, version = query.partition("=")
    if not key or not BUCKET_NAME.fullmatch(bucket) or (query and (name != "versionId" or "&" in version)):
        raise AwsError(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    return bucket, key, unquote(version)


def rebuilt(
    environ: Environ,
    model: Any,
    protocol: str,
    labels: dict[str, Any],
    signature: RequestSignature | None,
    host: str,
) -> Environ:
    """Return the environment of the request for moto; the body is in it as it was.

    Parameters
    ----------
    labels
        What the request's path names.
    host
        The local cloud's own, with its port.

    Raises
    ------
    AwsError
        The path is no bucket's.
    """
    service = model.service_model.service_name
    new = {**environ, "HTTP_HOST": host, "HTTP_AUTHORIZATION": _credential(service, signature)}
    new.pop("kennel.bucket", None)  # it is in the path
    new |= {
        SERVICE: service,
        OPERATION: model.name,
        OPERATION_REGION: signature.region if signature else "us-east-1",
        OPERATION_PROTOCOL: protocol,
    }
    path = "/"
    pairs: list[tuple[str, str]] = []
    if protocol in QUERY_PROTOCOLS:
        new |= {"REQUEST_METHOD": "POST", "CONTENT_TYPE": FORM}
    elif protocol.startswith("rest-"):
        path = _path(model, labels)
        single, repeated = _query_names(model)
        pairs = [
            (name, value)
            for name, value in query_pairs(environ)
            if name in single or repeated is None or name in repeated
        ]
        pairs = [(name, value) for name, value in pairs if not AUTHENTICATION.fullmatch(name)]
    if service == "s3":
        if model.name == "PostObject":  # its form names bucket and key, under a policy: the gateway reads it
            raise AwsError("MethodNotAllowed", "An upload by POST is a form of multipart/form-data.", 405)
        if not BUCKET_NAME.fullmatch(labels.get("Bucket", "none")):
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
        _rebuild_s3(new, model, path)
    else:
        new.pop("HTTP_CONTENT_ENCODING", None)  # moto would read the unpacked body, the codec read the packed
    if protocol != "json":
        new.pop("HTTP_X_AMZ_TARGET", None)
    query = urlencode(pairs, quote_via=quote)
    new |= {
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": path + (f"?{query}" if query else ""),
    }
    new["REQUEST_URI"] = new["RAW_URI"]
    return new


def _credential(service: str, signature: RequestSignature | None) -> str:
    """Return the header by which moto finds the service, the region and the access key."""
    access_key, region, name = "anonymous", "us-east-1", service
    if signature:
        access_key, region, name = signature.access_key, signature.region, signature.service
    return (
        f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/{name}/aws4_request, "
        "SignedHeaders=host, Signature=0"
    )


def _path(model: Any, labels: dict[str, Any]) -> str:
    """Return an operation's path with the names that the request gave."""

    def value(match: re.Match[str]) -> str:
        name = match[1].rstrip("+")
        return quote(str(labels.get(name, "")), safe="/-_.~" if match[1].endswith("+") else "-_.~")

    return re.sub(r"\{([^}]+)\}", value, model.http_trait.path)


def _rebuild_s3(new: Environ, model: Any, path: str) -> None:
    """Leave S3 the headers that the operation knows, and one spelling of a copy's source."""
    if RESERVED.match(path):
        raise AwsError("InvalidBucketName", "The local cloud keeps this bucket's name for itself.")
    if ENCRYPTION in new and model.name in ("GetObject", "HeadObject"):
        message = "x-amz-server-side-encryption header is not supported for this operation."
        raise AwsError("InvalidArgument", message)
    names, prefixes = _headers(model)
    for key in [key for key in new if key.startswith("HTTP_")]:
        if key not in names and not key.startswith(prefixes) and not S3_HEADERS.fullmatch(key):
            del new[key]
    if "HTTP_X_AMZ_COPY_SOURCE" in new:
        bucket, key, version = copy_source(new["HTTP_X_AMZ_COPY_SOURCE"])
        source = f"/{bucket}/{quote(key, safe='/-_.~')}"
        new["HTTP_X_AMZ_COPY_SOURCE"] = source + (f"?versionId={quote(version)}" if version else "")
