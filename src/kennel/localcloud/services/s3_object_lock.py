"""S3: object lock. moto refuses nothing that would weaken a retention, and checks no configuration.

Sources: S3 user guide, "Locking objects with Object Lock"; S3 API reference, PutObjectLockConfiguration,
PutObjectRetention, PutObjectLegalHold.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_access import malformed_xml

LOCKS = ("Mode", "RetainUntilDate", "LegalHoldStatus")  # of a new object, behind ObjectLock
MODES = ("GOVERNANCE", "COMPLIANCE")
STORED = "%Y-%m-%dT%H:%M:%SZ"  # as moto keeps the end of a retention


@operation("s3", "PutObjectLockConfiguration")
def put_configuration(call: Call) -> dict[str, Any]:
    """Enable object lock, also of a bucket that has objects, and set its default retention."""
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    configuration = call.parameters.get("ObjectLockConfiguration") or {}
    if configuration.get("ObjectLockEnabled") != "Enabled":
        raise malformed_xml()
    retention = (configuration.get("Rule") or {}).get("DefaultRetention") or {}
    days, years = retention.get("Days"), retention.get("Years")
    if "Rule" in configuration and (retention.get("Mode") not in MODES or (days is None) == (years is None)):
        raise malformed_xml()
    if any(period is not None and period < 1 for period in (days, years)):
        raise AwsError("InvalidArgument", "Default retention period must be a positive integer value.")
    if bucket.versioning_status != "Enabled":
        message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise AwsError("InvalidBucketState", message, 409)
    bucket.object_lock_enabled = True
    bucket.default_lock_mode = retention.get("Mode")
    bucket.default_lock_days, bucket.default_lock_years = days or 0, years or 0  # moto adds both
    return {}


@operation("s3", "GetObjectLockConfiguration")
def get_configuration(call: Call) -> dict[str, Any]:
    """Return whether a bucket has object lock, and its default retention."""
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    if not bucket.object_lock_enabled:
        message = "Object Lock configuration does not exist for this bucket"
        raise AwsError("ObjectLockConfigurationNotFoundError", message, 404)
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if bucket.has_default_lock:
        period = {"Days": bucket.default_lock_days, "Years": bucket.default_lock_years}
        retention = {name: value for name, value in period.items() if value}
        configuration["Rule"] = {"DefaultRetention": {"Mode": bucket.default_lock_mode, **retention}}
    return {"ObjectLockConfiguration": configuration}


@operation("s3", "PutBucketVersioning")
def put_versioning(call: Call) -> Response:
    """Set versioning, which a bucket with object lock cannot suspend."""
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    status = (call.parameters.get("VersioningConfiguration") or {}).get("Status")
    if status not in ("Enabled", "Suspended"):
        raise malformed_xml()
    if status == "Suspended" and bucket.object_lock_enabled:
        message = (
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be "
            "changed."
        )
        raise AwsError("InvalidBucketState", message, 409)
    return call.ask_moto()


@operation("s3", "PutObjectRetention")
def put_retention(call: Call) -> dict[str, Any]:
    """Retain a version; only a bypass of governance makes a retention shorter, or changes its mode."""
    record = _record(call)
    retention = call.parameters.get("Retention") or {}
    mode, until = retention.get("Mode"), retention.get("RetainUntilDate")
    if retention and (mode not in MODES or not isinstance(until, datetime)):
        raise malformed_xml()
    end = _in_utc(until) if isinstance(until, datetime) else None
    if end is not None and end <= call.cloud.clock.now():
        raise AwsError("InvalidArgument", "The retain until date must be in the future!")
    if _weakens(call, record, mode, end):
        raise AwsError("AccessDenied", "Access Denied because object protected by object lock.", 403)
    record.lock_mode, record.lock_until = mode, end.strftime(STORED) if end else None
    return {}


@operation("s3", "GetObjectRetention")
def get_retention(call: Call) -> dict[str, Any]:
    """Return an object's retention; moto fails where the bucket's default made it."""
    record = _record(call)
    if not record.lock_mode:
        raise _no_configuration()
    return {"Retention": {"Mode": record.lock_mode, "RetainUntilDate": record.lock_until}}


@operation("s3", "PutObjectLegalHold")
def put_legal_hold(call: Call) -> dict[str, Any]:
    """Hold a version, or release it."""
    record = _record(call)
    status = (call.parameters.get("LegalHold") or {}).get("Status")
    if status not in ("ON", "OFF"):
        raise malformed_xml()
    record.lock_legal_status = status
    return {}


@operation("s3", "GetObjectLegalHold")
def get_legal_hold(call: Call) -> dict[str, Any]:
    """Return whether a version is held."""
    record = _record(call)
    if not record.lock_legal_status:
        raise _no_configuration()
    return {"LegalHold": {"Status": record.lock_legal_status}}


def check_lock(call: Call) -> None:
    """Refuse a lock of a new object that is none, or in a bucket without object lock.

    Raises
    ------
    AwsError
        ``InvalidArgument`` or ``InvalidRequest``.
    """
    parameters = call.parameters
    mode, until, hold = (parameters.get(f"ObjectLock{name}") for name in LOCKS)
    if not (mode or until or hold):
        return
    if bool(mode) != bool(until):
        message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise AwsError("InvalidArgument", message)
    if mode and mode not in MODES:
        raise AwsError("InvalidArgument", "Unknown wormMode directive.")
    if hold and hold not in ("ON", "OFF"):
        raise AwsError("InvalidArgument", "Legal Hold must be either of 'ON' or 'OFF'")
    if isinstance(until, datetime) and _in_utc(until) <= call.cloud.clock.now():
        raise AwsError("InvalidArgument", "The retain until date must be in the future!")
    _check_enabled(call)


def lock_upload(call: Call, upload: Any) -> None:
    """Note what lock an upload in parts was made with."""
    parameters = call.parameters
    mode, until, hold = (parameters.get(f"ObjectLock{name}") for name in LOCKS)
    upload.object_lock = (mode, _in_utc(until).strftime(STORED) if until else None, hold)


def lock_completed(call: Call, record: Any) -> None:
    """Lock what was uploaded in parts as its upload, or the bucket's default, says; moto does not."""
    bucket = call.backend().get_bucket(call.parameters["Bucket"])
    mode, until, hold = getattr(record.multipart, "object_lock", (None, None, None))
    if not mode and bucket.object_lock_enabled and bucket.has_default_lock:
        mode, until = bucket.default_lock_mode, bucket.default_retention()
    record.lock_mode, record.lock_until, record.lock_legal_status = mode, until, hold


def _record(call: Call) -> Any:
    """Return the version that a call is for, of a bucket with object lock."""
    parameters = call.parameters
    version = parameters.get("VersionId")
    _check_enabled(call)
    record = call.backend().get_object(parameters["Bucket"], parameters["Key"], version)
    if record is None:
        code = "NoSuchVersion" if version else "NoSuchKey"
        raise AwsError(code, "The specified key or version does not exist.", 404)
    return record


def _check_enabled(call: Call) -> None:
    if not call.backend().get_bucket(call.parameters["Bucket"]).object_lock_enabled:
        raise AwsError("InvalidRequest", "Bucket is missing Object Lock Configuration")


def _weakens(call: Call, record: Any, mode: str | None, until: datetime | None) -> bool:
    """Whether a retention would end a present one earlier, or change its mode."""
    if not record.lock_mode or not record.lock_until:
        return False
    present = _in_utc(datetime.fromisoformat(record.lock_until))
    if present <= call.cloud.clock.now():
        return False
    if record.lock_mode == "GOVERNANCE" and call.parameters.get("BypassGovernanceRetention"):
        return False
    return mode != record.lock_mode or until is None or until < present


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _no_configuration() -> AwsError:
    message = "The specified object does not have a ObjectLock configuration"
    return AwsError("NoSuchObjectLockConfiguration", message, 404)
