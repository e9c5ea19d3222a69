"""S3: listings of a bucket's objects and versions, in pages.

moto pages objects and common prefixes apart, remembers its tokens only while it runs, and copies a whole
bucket for each page of versions.
Sources: S3 API reference, ListObjects, ListObjectsV2, ListObjectVersions.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.acls import OWNER
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.s3_conditions import checksum_of

MAX_KEYS = 1000  # in one response, unless the request says less
MOST_BUCKETS = 10_000  # in one response
MOST_KEYS = 2**31 - 1  # that a request may ask for


class Page(NamedTuple):
    """A part of a listing.

    Attributes
    ----------
    entries
        Objects or versions.
    prefixes
        The common prefixes.
    last
        The name after which the next page begins, and the version of that name, None without versions; None
        where nothing follows.
    """

    entries: list[Any]
    prefixes: list[str]
    last: tuple[str, str | None] | None


@operation("s3", "ListBuckets")
def list_buckets(call: Call) -> dict[str, Any]:
    """List the account's buckets by name, in pages if the request limits them."""
    parameters = call.parameters
    limit, prefix, region = (parameters.get(name) for name in ("MaxBuckets", "Prefix", "BucketRegion"))
    token = parameters.get("ContinuationToken")
    if limit is not None and not 1 <= limit <= MOST_BUCKETS:
        raise AwsError("InvalidArgument", f"MaxBuckets must be an integer between 1 and {MOST_BUCKETS}")
    after = _name_of(token) if token else ""
    shown = any((limit, prefix, region, token))
    buckets = [
        {
            "Name": name,
            "CreationDate": bucket.creation_date,
            **({"BucketRegion": bucket.region_name} if shown else {}),
        }
        for name, bucket in sorted(call.backend().buckets.items())
        if name > after and name.startswith(prefix or "") and region in (None, bucket.region_name)
    ]
    answer = {"Buckets": buckets[:limit], "Owner": OWNER}
    if prefix:
        answer["Prefix"] = prefix
    if limit and len(buckets) > limit:
        answer["ContinuationToken"] = _token_of(buckets[limit - 1]["Name"])
    return answer


@operation("s3", "ListObjects", "ListObjectsV2")
def list_objects(call: Call) -> dict[str, Any]:
    """List objects, 1000 at most, by name."""
    parameters, second = call.parameters, call.operation == "ListObjectsV2"
    encoded, answer = head_of(call)
    if second:
        token = parameters.get("ContinuationToken") or None
        after = parameters.get("StartAfter", "") if token is None else _name_of(token)
    else:
        after = parameters.get("Marker", "")
    page = page_of(parameters, _objects(call), after, None)
    if not second:
        answer["Prefix"] = parameters.get("Prefix", "")  # which SDKs do not decode in this version
    answer["Contents"] = [_object(record, encoded, parameters, second) for record in page.entries]
    answer["CommonPrefixes"] = [{"Prefix": encoded(prefix)} for prefix in page.prefixes]
    answer["IsTruncated"] = page.last is not None
    if not second:
        answer["Marker"] = encoded(after)
        if page.last and parameters.get("Delimiter"):
            answer["NextMarker"] = encoded(page.last[0])
        return answer
    answer["KeyCount"] = len(page.entries) + len(page.prefixes)
    if "StartAfter" in parameters:
        answer["StartAfter"] = encoded(parameters["StartAfter"])
    if "ContinuationToken" in parameters:
        answer["ContinuationToken"] = parameters["ContinuationToken"]
    if page.last:
        answer["NextContinuationToken"] = _token_of(page.last[0])
    return answer


@operation("s3", "ListObjectVersions")
def list_object_versions(call: Call) -> dict[str, Any]:
    """List versions and delete markers, by name and the newest first."""
    parameters = call.parameters
    encoded, answer = head_of(call)
    after, version = parameters.get("KeyMarker", ""), parameters.get("VersionIdMarker") or None
    if version and not after:
        raise AwsError("InvalidArgument", "A version-id marker cannot be specified without a key marker.")
    page = page_of(parameters, _versions(call), after, version)
    answer |= {
        "KeyMarker": encoded(after),
        "VersionIdMarker": version or "",
        "IsTruncated": page.last is not None,
        "Versions": [],
        "DeleteMarkers": [],
        "CommonPrefixes": [{"Prefix": encoded(prefix)} for prefix in page.prefixes],
    }
    for record, latest in page.entries:
        members = {
            "Key": encoded(record.name),
            "VersionId": _version_id(record),
            "IsLatest": latest,
            "LastModified": record.last_modified,
            "Owner": OWNER,
        }
        if _is_marker(record):
            answer["DeleteMarkers"].append(members)
        else:
            answer["Versions"].append({**members, **_content(record)})
    if page.last:
        answer["NextKeyMarker"] = encoded(page.last[0])
        if page.last[1]:
            answer["NextVersionIdMarker"] = page.last[1]
    return answer


def head_of(call: Call) -> tuple[Any, dict[str, Any]]:
    """Return how a listing writes names, and the members that all listings have."""
    parameters = call.parameters
    encoding, limit = parameters.get("EncodingType"), parameters.get("MaxKeys", MAX_KEYS)
    if encoding not in (None, "url"):
        raise AwsError("InvalidArgument", "Invalid Encoding Method specified in Request")
    if not 0 <= limit <= MOST_KEYS:
        message = f"Argument maxKeys must be an integer between 0 and {MOST_KEYS}"
        raise AwsError("InvalidArgument", message)

    def encoded(name: str) -> str:
        return quote(name, safe="/") if encoding else name

    answer = {
        "Name": parameters["Bucket"],
        "Prefix": encoded(parameters.get("Prefix", "")),
        "MaxKeys": _limit_of(parameters),
    }
    if parameters.get("Delimiter"):
        answer["Delimiter"] = encoded(parameters["Delimiter"])
    if encoding:
        answer["EncodingType"] = encoding
    return encoded, answer


def _limit_of(parameters: dict[str, Any]) -> int:
    return min(parameters.get("MaxKeys", MAX_KEYS), MAX_KEYS)


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name_of(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise AwsError("InvalidArgument", "The continuation token provided is incorrect") from error


def _objects(call: Call) -> Iterator[tuple[str, str | None, Any]]:
    """Yield the name, no version, and the record of each object, by name."""
    keys = call.backend().get_bucket(call.parameters["Bucket"]).keys
    prefix = call.parameters.get("Prefix", "")
    for name in sorted(name for name in list(keys) if name.startswith(prefix)):
        record = keys.get(name)
        if record is not None and not _is_marker(record):
            yield name, None, record


def _versions(call: Call) -> Iterator[tuple[str, str | None, Any]]:
    """Yield the name, the version's id, and the record of each version with whether it is the latest."""
    keys = call.backend().get_bucket(call.parameters["Bucket"]).keys
    prefix = call.parameters.get("Prefix", "")
    for name in sorted(name for name in list(keys) if name.startswith(prefix)):
        for number, record in enumerate(reversed(list(keys.getlist(name, [])))):
            yield name, _version_id(record), (record, number == 0)


def page_of(
    parameters: dict[str, Any],
    listed: Iterable[tuple[str, str | None, Any]],
    after: str,
    after_version: str | None,
) -> Page:
    """Return a page of what is listed, which is in order and has the prefix.

    Parameters
    ----------
    after, after_version
        Where the page begins: behind this name, or behind this version of the name.
    """
    prefix, delimiter = parameters.get("Prefix", ""), parameters.get("Delimiter", "")
    limit = _limit_of(parameters)
    page = Page([], [], None)
    last: tuple[str, str | None] = ("", None)
    reached = after_version is None
    for name, version, record in listed:
        if after and (name < after or (name == after and after_version is None)):
            continue
        if name == after and not reached:
            reached = version == after_version
            continue
        shared = _common_prefix(name, prefix, delimiter)
        if shared is not None and (shared <= after or page.prefixes[-1:] == [shared]):
            continue
        if len(page.entries) + len(page.prefixes) >= limit:
            return page._replace(last=last if limit else None)
        if shared is None:
            page.entries.append(record)
            last = (name, version)
        else:
            page.prefixes.append(shared)
            last = (shared, None)
    return page


def _common_prefix(name: str, prefix: str, delimiter: str) -> str | None:
    """Return a name up to its first delimiter behind the prefix, None without one."""
    end = name.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else name[: end + len(delimiter)]


def _object(record: Any, encoded: Any, parameters: dict[str, Any], second: bool) -> dict[str, Any]:
    members = {"Key": encoded(record.name), "LastModified": record.last_modified, **_content(record)}
    if not second or parameters.get("FetchOwner"):
        members["Owner"] = OWNER
    return members


def _content(record: Any) -> dict[str, Any]:
    members = {"ETag": record.etag, "Size": record.size, "StorageClass": record.storage_class}
    if record.checksum_algorithm and record.checksum_value:
        algorithm, _, kind = checksum_of(record)
        members |= {"ChecksumAlgorithm": [algorithm], "ChecksumType": kind}
    return members


def _version_id(record: Any) -> str:
    return "null" if record.version_id is None else record.version_id


def _is_marker(record: Any) -> bool:
    return type(record).__name__ == "FakeDeleteMarker"
