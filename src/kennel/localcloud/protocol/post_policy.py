"""The policy of a browser's upload to S3: what a form may send, until when, and of which size.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.protocol.messages import AwsError

# Fields that no condition must name.
UNCHECKED = {"x-amz-signature", "signature", "awsaccesskeyid", "policy", "file"}
IGNORED = "x-ignore-"
DATES = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")


def check(policy: str, fields: Mapping[str, str], size: int, now: datetime) -> None:
    """Check a form against its policy.

    Parameters
    ----------
    policy
        As the form has it, in base64.
    fields
        The form's fields by their names in lower case, with ``bucket``.
    size
        Of the file, in bytes.
    now
        The time, with its zone.

    Raises
    ------
    AwsError
        The policy is malformed or has expired, a condition is not met, or a field has none.
    """
    document = _document(policy)
    if _date(document["expiration"]) <= now:
        raise _denied("Policy expired.")
    named = set()
    for condition in document["conditions"]:
        if isinstance(condition, dict):
            if len(condition) != 1:
                raise _invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
                )
            for name, value in condition.items():
                named.add(name.lower())
                _match("eq", name, str(value), fields)
        elif isinstance(condition, list) and str(condition[:1]).lower() == "['content-length-range']":
            _check_size(condition, size)
        elif isinstance(condition, list) and len(condition) == 3:
            operator, name, value = (str(part) for part in condition)
            named.add(name.removeprefix("$").lower())
            _match(operator.lower(), name.removeprefix("$"), value, fields)
        else:
            raise _invalid(f"Invalid Simple-Condition: {condition}.")
    extra = sorted(
        name
        for name in fields
        if name not in named and name not in UNCHECKED and name != "bucket" and not name.startswith(IGNORED)
    )
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")


def _document(policy: str) -> dict[str, Any]:
    try:
        document = json.loads(base64.b64decode(policy, validate=True))
    except (binascii.Error, ValueError) as error:
        raise _invalid("Invalid JSON.") from error
    if not isinstance(document, dict) or "expiration" not in document:
        raise _invalid("Policy missing expiration.")
    if not isinstance(document.get("conditions"), list) or not document["conditions"]:
        raise _invalid("Policy missing conditions.")
    return document


def _date(text: Any) -> datetime:
    for form in DATES:
        try:
            return datetime.strptime(str(text), form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _invalid(f"Invalid 'expiration' value: '{text}'.")


def _match(operator: str, name: str, value: str, fields: Mapping[str, str]) -> None:
    given = fields.get(name.lower())
    if operator == "eq":
        matched = given == value
    elif operator == "starts-with":
        matched = not value or (
            given is not None and all(part.startswith(value) for part in given.split(","))
        )
    else:
        raise _invalid(f"Invalid operator: {operator}.")
    if not matched:
        raise _denied(f'Policy Condition failed: ["{operator}", "${name}", "{value}"]')


def _check_size(condition: list[Any], size: int) -> None:
    try:
        least, most = (int(part) for part in condition[1:])
    except (TypeError, ValueError) as error:
        raise _invalid("content-length-range needs a minimum and a maximum.") from error
    if size < least:
        raise AwsError("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", 400)
    if size > most:
        raise AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", 400)


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidPolicyDocument", f"Invalid Policy: {reason}", 400)


def _denied(reason: str) -> AwsError:
    return AwsError("AccessDenied", f"Invalid according to Policy: {reason}", 403)
