"""S3: lifecycle configurations are checked as S3 does, and returned as put; `s3_expiration` applies them.

Source: S3 API reference, PutBucketLifecycleConfiguration, LifecycleRule.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.bucket_configurations import configurations_of
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.s3_access import malformed_xml
from kennel.localcloud.services.s3_expiration import KIND

MOST_RULES = 1000
LONGEST_ID = 255
LEAST_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")  # the first one is the default
ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)


@operation("s3", "PutBucketLifecycleConfiguration")
def put_lifecycle(call: Call) -> dict[str, Any] | Response:
    """Keep the rules, and give an id to those that have none.

    moto keeps rules too, and loses some of what they say: they are returned from what is kept here.
    """
    rules = (call.parameters.get("LifecycleConfiguration") or {}).get("Rules") or []
    if not 1 <= len(rules) <= MOST_RULES:
        raise malformed_xml()
    for rule in rules:
        _check(rule)
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names):
        raise _invalid("Rule ID must be unique. Found same ID for more than one rule")
    least_size = call.parameters.get("TransitionDefaultMinimumObjectSize") or LEAST_SIZES[0]
    if least_size not in LEAST_SIZES:
        raise _invalid(f"TransitionDefaultMinimumObjectSize must be one of {', '.join(LEAST_SIZES)}")
    response = call.ask_moto()
    if not response.ok:
        return response
    size = {"TransitionDefaultMinimumObjectSize": least_size}
    kept = [{**rule, "ID": rule.get("ID") or secrets.token_urlsafe(36)} for rule in rules]
    configurations_of(_bucket(call), KIND).update({"Rules": kept, **size})
    return dict(size)


@operation("s3", "GetBucketLifecycleConfiguration")
def get_lifecycle(call: Call) -> dict[str, Any] | Response:
    """Return the rules as they were put; whether there are any is moto's to say, which deletes them."""
    response = call.ask_moto()
    return dict(configurations_of(_bucket(call), KIND)) if response.ok else response


def _bucket(call: Call) -> Any:
    return call.backend().get_bucket(call.parameters["Bucket"])


def _check(rule: dict[str, Any]) -> None:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise malformed_xml()
    if ("Filter" in rule) == ("Prefix" in rule):
        raise malformed_xml()
    if len(rule.get("ID") or "") > LONGEST_ID:
        raise _invalid(f"ID length should not exceed allowed limit of {LONGEST_ID}")
    if not any(rule.get(name) for name in ACTIONS):
        raise AwsError("InvalidRequest", "At least one action needs to be specified in a rule")
    _check_time(rule.get("Expiration") or {}, "Expiration", 1)
    for transition in rule.get("Transitions") or []:
        _check_time(transition, "Transition", 0)
    days = (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays")
    if days is not None and days < 1:
        raise _invalid("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")


def _check_time(action: dict[str, Any], name: str, least: int) -> None:
    days, date = action.get("Days"), action.get("Date")
    if days is not None and date is not None:
        raise malformed_xml()
    if days is not None and days < least:
        kind = "a positive" if least else "a non-negative"
        raise _invalid(f"'Days' for {name} action must be {kind} integer")
    if isinstance(date, datetime):
        at = date.astimezone(UTC) if date.tzinfo else date
        if (at.hour, at.minute, at.second, at.microsecond) != (0, 0, 0, 0):
            raise _invalid("'Date' must be at midnight GMT")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidArgument", message)
