"""S3: what lifecycle rules do: at each midnight (UTC) of the clock objects expire and change their class.

Sources: S3 user guide, "Lifecycle configuration elements", "Expiring objects", "Transitioning objects".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.localcloud.clock.timers import next_multiple
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import aging, policy_store, replicas
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.moto_adapter.s3_events import LIFECYCLE, S3Request
from kennel.localcloud.protocol.messages import Response

log = logging.getLogger(__name__)
DAY = 86_400.0  # seconds
KIND = "Lifecycle"  # of the configurations that are kept with a bucket's record
SERVICE = "s3.amazonaws.com"
SMALL = 128 * 1024  # bytes: smaller objects change their class only where a rule or the bucket says so
ANY_SIZE = "varies_by_storage_class"


def apply_lifecycles(cloud: Cloud) -> None:
    """Apply the rules of all buckets at each midnight, for as long as the cloud runs."""
    cloud.clock.every(DAY, lambda: _apply(cloud))


def show_expiration(call: Call, response: Response) -> None:
    """Add the header that says when an object expires, if a rule lets it."""
    parameters = call.parameters
    record = policy_store.bucket_record(parameters["Bucket"])
    if not response.ok or not getattr(record, "rules", None) or parameters.get("VersionId"):
        return
    version = replicas.version_of(parameters["Bucket"], parameters["Key"], None)
    if version is None or not replicas.is_object(version):
        return
    times = [(_expiry(rule, version), rule["ID"]) for rule in _rules(record) if _chooses(rule, version)]
    due = sorted((when, name) for when, name in times if when is not None)
    if due:
        moment = datetime.fromtimestamp(due[0][0], UTC)
        text = f'expiry-date="{format_datetime(moment, usegmt=True)}", rule-id="{due[0][1]}"'
        response.headers.append(("x-amz-expiration", text))


def _apply(cloud: Cloud) -> None:
    request = S3Request(LIFECYCLE, SERVICE, SERVICE)
    for record in aging.buckets():
        rules = _rules(record)
        if not rules:
            continue
        any_size = configurations_of(record, KIND).get("TransitionDefaultMinimumObjectSize") == ANY_SIZE
        with cloud.changes.call(), request.answering():
            for rule in rules:
                _Rule(record, rule, cloud.clock.time(), any_size).apply()
        cloud.changes.note()


def _rules(record: Any) -> list[dict[str, Any]]:
    """Return a bucket's enabled rules; moto knows whether they were deleted."""
    rules = configurations_of(record, KIND).get("Rules", []) if record.rules else []
    return [rule for rule in rules if rule["Status"] == "Enabled"]


def _chooses(rule: dict[str, Any], version: Any) -> bool:
    """Whether a rule is for an object, or for a delete marker, which has only a name."""
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or chosen
    prefix = both.get("Prefix") or rule.get("Prefix") or ""
    tags = {tag["Key"]: tag["Value"] for tag in [*both.get("Tags", ()), *filter(None, [chosen.get("Tag")])]}
    more, less = both.get("ObjectSizeGreaterThan"), both.get("ObjectSizeLessThan")
    if not version.name.startswith(prefix):
        return False
    if not replicas.is_object(version):
        return not tags and more is None and less is None
    size = version.size
    return (
        (more is None or size > more)
        and (less is None or size < less)
        and (not tags or tags.items() <= replicas.tags_of(version).items())
    )


def _expiry(rule: dict[str, Any], version: Any) -> float | None:
    return _due(rule.get("Expiration") or {}, version)


def _due(action: dict[str, Any], version: Any) -> float | None:
    """Return when an action on a current version is due, in seconds since the epoch; None if it never is."""
    if action.get("Days") is not None:
        return _after(aging.since(version), action["Days"])
    date = action.get("Date")
    if date is None:
        return None
    moment = date if isinstance(date, datetime) else datetime.fromisoformat(str(date))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _after(since: float, days: int) -> float:
    """Return the first midnight after so many days."""
    return next_multiple(DAY, since + days * DAY)


@dataclass(frozen=True)
class _Rule:
    """A rule of a bucket, at a time."""

    bucket: Any
    rule: dict[str, Any]
    now: float
    any_size: bool

    def apply(self) -> None:
        for name in list(self.bucket.keys):
            versions = list(self.bucket.keys.getlist(name) or [])
            if versions and _chooses(self.rule, versions[-1]):
                self._expire(versions)
            self._age(versions)
        for transition in self.rule.get("Transitions") or ():
            for name in list(self.bucket.keys):
                version = self.bucket.keys.get(name)
                if replicas.is_object(version) and _chooses(self.rule, version):
                    self._move(transition, version, _due(transition, version))
        self._abort()

    def _expire(self, versions: list[Any]) -> None:
        """Expire the current version, or a delete marker that nothing is behind."""
        current, expiration = versions[-1], self.rule.get("Expiration") or {}
        due = _expiry(self.rule, current)
        if replicas.is_object(current):
            if due is not None and due <= self.now:
                self._delete(current, None)
        elif len(versions) == 1 and (
            expiration.get("ExpiredObjectDeleteMarker") or (due is not None and due <= self.now)
        ):
            self._delete(current, str(current.version_id))

    def _age(self, versions: list[Any]) -> None:
        """Expire noncurrent versions, or change their class."""
        settings = self.rule.get("NoncurrentVersionExpiration") or {}
        for position, (version, since) in enumerate(_noncurrent(versions)):
            if not _chooses(self.rule, version):
                continue
            days, kept = settings.get("NoncurrentDays"), settings.get("NewerNoncurrentVersions") or 0
            if days is not None and position >= kept and _after(since, days) <= self.now:
                if not (replicas.is_object(version) and replicas.is_locked(version)):
                    self._delete(version, str(version.version_id))
                continue
            for transition in self.rule.get("NoncurrentVersionTransitions") or ():
                newer = transition.get("NewerNoncurrentVersions") or 0
                if replicas.is_object(version) and position >= newer:
                    self._move(transition, version, _after(since, transition.get("NoncurrentDays") or 0))

    def _move(self, transition: dict[str, Any], version: Any, due: float | None) -> None:
        chosen = self.rule.get("Filter") or {}
        sized = "ObjectSizeGreaterThan" in (chosen.get("And") or chosen)
        if due is not None and due <= self.now and (self.any_size or sized or version.size >= SMALL):
            version.set_storage_class(transition["StorageClass"])

    def _abort(self) -> None:
        days = (self.rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
        chosen = self.rule.get("Filter") or {}
        prefix = (chosen.get("And") or chosen).get("Prefix") or self.rule.get("Prefix") or ""
        for name, upload in list(self.bucket.multiparts.items()):
            is_due = days is not None and _after(aging.since(upload), days) <= self.now
            if is_due and upload.key_name.startswith(prefix):
                del self.bucket.multiparts[name]

    def _delete(self, version: Any, version_id: str | None) -> None:
        try:
            aging.delete(self.bucket.name, version.name, version_id)
        except ServiceException as error:
            log.warning("%s/%s did not expire: %s", self.bucket.name, version.name, error.message)


def _noncurrent(versions: list[Any]) -> Iterator[tuple[Any, float]]:
    """Yield the noncurrent versions of an object, the newest first, and since when each is noncurrent."""
    for version, successor in zip(versions[-2::-1], versions[:0:-1], strict=True):
        yield version, aging.since(successor)
