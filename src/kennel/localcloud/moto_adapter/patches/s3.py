"""S3: moto's own access check ignores conditions, and it keeps every object's content in memory."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from kennel.localcloud.moto_adapter import customer_keys
from kennel.localcloud.moto_adapter.object_contents import StoredView, ValueBuffer
from kennel.localcloud.moto_adapter.patches import s3_versions
from kennel.localcloud.moto_adapter.patching import replace
from kennel.localcloud.policy.document import AccessRequest, parse
from kennel.localcloud.policy.evaluate import PrincipalPolicies, ResourcePolicy, evaluate
from kennel.localcloud.policy.principal import service_principal
from kennel.localcloud.policy.public import is_public
from kennel.localcloud.protocol import checksums

# Whether an object's value is a view of its files: within S3's own responses. Other services read bytes.
_as_views: ContextVar[bool] = ContextVar("as_views", default=False)


def apply() -> None:
    """Switch moto's check of bucket policies off: it ignores Condition. Correct markers, listings, values."""
    from moto.iam.access_control import PermissionResult
    from moto.s3 import responses
    from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

    def get_permission(self: Any, action: str, resource: str) -> PermissionResult:
        return PermissionResult.PERMITTED  # the gateway has authorized it

    replace(FakeBucket, "get_permission", get_permission)
    # moto calls dispose() on the last version of a key that is removed; its delete markers lack the method.
    replace(FakeDeleteMarker, "dispose", lambda self, garbage=False: None)
    # moto counts every policy with a Condition as one that is not public.
    replace(
        responses, "bucket_policy_is_public", lambda text: is_public(parse(text.decode(), "bucket policy"))
    )
    _keep_contents_in_files()
    _share_contents()
    s3_versions.apply()
    replace(FakeBucket, "_log_permissions_enabled_policy", _may_log)
    # moto writes an access log at once for each request, with addresses, sizes and ids that it makes up.
    replace(S3Backend, "log_incoming_request", lambda self, request, bucket_name: None)


def _may_log(self: Any, target_bucket: Any, target_prefix: str | None) -> bool:
    """Return whether a bucket's policy lets S3 write this one's access log there; moto reads few policies."""
    if not target_bucket.policy:
        return False
    request = AccessRequest(
        "s3:PutObject",
        f"{target_bucket.arn}/{target_prefix or ''}log",
        {
            "aws:sourceaccount": self.account_id,
            "aws:sourcearn": self.arn,
            "aws:securetransport": "true",
        },
        service_principal("logging.s3.amazonaws.com"),
    )
    policy = ResourcePolicy(parse(target_bucket.policy.decode()))
    return evaluate(request, PrincipalPolicies(), policy).allowed


def _keep_contents_in_files() -> None:
    """Store an object's content in a file, which goes with the last use of it."""
    from moto.s3 import models

    def init(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        customer_keys.mark(self)

    def value(self: Any) -> bytes | StoredView:
        view: StoredView = self._value_buffer.view
        return view if _as_views.get() else bytes(view)

    def set_value(self: Any, content: bytes | str | StoredView) -> None:
        if not isinstance(content, StoredView):
            value = content.encode() if isinstance(content, str) else bytes(content)
            if self._etag is None:  # moto would read the file again for it
                self._etag = hashlib.md5(value, usedforsecurity=False).hexdigest()
            content = StoredView.of(value)
        self._value_buffer.view = content
        self.contentsize = len(content)

    def response_dict(self: Any) -> dict[str, Any]:
        status = getattr(self, "replication_status", "")
        fields: dict[str, Any] = described.fget(self)
        return {**fields, "x-amz-replication-status": status} if status else fields

    def get_state(self: Any) -> dict[str, Any]:
        return {name: member for name, member in vars(self).items() if name != "lock"}

    def set_state(self: Any, state: dict[str, Any]) -> None:
        vars(self).update(state, lock=threading.Lock())

    begin: Any = replace(models.FakeKey, "__init__", init)
    described: Any = models.FakeKey.response_dict
    replace(models, "tempfile", SimpleNamespace(SpooledTemporaryFile=ValueBuffer))
    replace(models.FakeKey, "value", property(value, set_value))
    replace(models.FakeKey, "response_dict", property(response_dict))
    replace(models.FakeKey, "__getstate__", get_state)
    replace(models.FakeKey, "__setstate__", set_state)
    # moto closes the buffer of what it removes, also where a copy still uses the parts of an upload.
    replace(models.FakeKey, "dispose", lambda self, garbage=False: None)
    replace(models.FakeKey, "__del__", lambda self: None)


def _share_contents() -> None:
    """Let copies share files, complete an upload without reading its parts, and read ranges only."""
    from moto.s3.models import FakeMultipart, S3Backend
    from moto.s3.responses import S3Response

    def key_response(self: Any, *arguments: Any, **named: Any) -> Any:
        token = _as_views.set(True)
        try:
            response = respond(self, *arguments, **named)
        finally:
            _as_views.reset(token)
        if isinstance(response, tuple) and isinstance(response[-1], StoredView):
            return (*response[:-1], bytes(response[-1]))
        return response

    def select(self: Any, *arguments: Any, **named: Any) -> Any:
        token = _as_views.set(False)
        try:
            return select_content(self, *arguments, **named)
        finally:
            _as_views.reset(token)

    respond = replace(S3Response, "key_response", key_response)
    select_content = replace(S3Backend, "select_object_content", select)
    replace(FakeMultipart, "complete", _complete)
    _checksum_views()


def _checksum_views() -> None:
    """Compute the checksums of views; moto computes CRC32 for CRC32C and CRC64NVME, SHA-256 for others."""
    from moto.s3 import responses
    from moto.s3.models import S3Backend

    def compute_checksum(body: Any, algorithm: str, encode_base64: bool = True) -> bytes:
        chunks = body.chunks() if isinstance(body, StoredView) else [body]
        digest = checksums.digest_of(algorithm.upper(), chunks)
        return base64.b64encode(digest) if encode_base64 else digest

    def copy(
        self: Any, src_key: Any, dest_bucket_name: str, dest_key_name: str, *rest: Any, **named: Any
    ) -> None:
        copy_object(self, src_key, dest_bucket_name, dest_key_name, *rest, **named)
        copied = self.get_object(dest_bucket_name, dest_key_name)
        # The copy redirects where its request says so, which moto keeps apart from the metadata.
        copied.metadata.pop("x-amz-website-redirect-location", None)
        if src_key.checksum_type == "COMPOSITE":  # of its parts, which a copy does not have
            chunks = copied._value_buffer.view.chunks()
            digest = checksums.digest_of(copied.checksum_algorithm.upper(), chunks)
            copied.checksum_value = base64.b64encode(digest).decode()

    replace(responses, "compute_checksum", compute_checksum)
    copy_object = replace(S3Backend, "copy_object", copy)


def _complete(self: Any, body: Iterator[tuple[int, str]]) -> tuple[StoredView, str, tuple[str, str, int]]:
    """Complete an upload as moto does, without its parts in memory."""
    from moto.s3.exceptions import EntityTooSmall, InvalidPart, MalformedXML
    from moto.s3.models import S3_UPLOAD_PART_MIN_SIZE

    parts: list[Any] = []
    for number, etag in body:
        part = self.parts.get(number)
        if part is None or part.etag.strip('"') != etag.strip('"'):
            raise InvalidPart()
        if parts and parts[-1].contentsize < S3_UPLOAD_PART_MIN_SIZE:
            raise EntityTooSmall()
        parts.append(part)
    if not parts:
        raise MalformedXML
    digests = b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts)
    etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
    value = StoredView.joined([part._value_buffer.view for part in parts])
    return value, etag, upload_checksum(self, parts)


def upload_checksum(upload: Any, parts: list[Any]) -> tuple[str, str, int]:
    """Return the type, checksum and part count that moto's builder returns for the whole object."""
    from moto.s3.models import MultipartChecksumBuilder

    metadata = upload.metadata
    builder = MultipartChecksumBuilder(
        metadata.get("x-amz-checksum-algorithm"), metadata.get("x-amz-checksum-type")
    )
    algorithm = builder.checksum_algorithm.upper()
    metadata["x-amz-checksum-algorithm"] = algorithm  # moto forgets S3's default
    views = [part._value_buffer.view for part in parts]
    chunks, count = StoredView.joined(views).chunks(), 1
    if builder.checksum_type == "COMPOSITE":
        chunks, count = (checksums.digest_of(algorithm, view.chunks()) for view in views), len(views)
    digest = checksums.digest_of(algorithm, chunks)
    return builder.checksum_type, base64.b64encode(digest).decode(), count
