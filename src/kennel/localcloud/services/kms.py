"""KMS: a key that is disabled, to be deleted, or for something else does nothing; moto uses any.

moto keeps no period of a key's rotation.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.authorization.resources import key_of
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

# The KeyUsage that a key must have, by operation.
USAGES = {
    "Decrypt": "ENCRYPT_DECRYPT",
    "Encrypt": "ENCRYPT_DECRYPT",
    "GenerateDataKey": "ENCRYPT_DECRYPT",
    "GenerateDataKeyWithoutPlaintext": "ENCRYPT_DECRYPT",
    "GenerateMac": "GENERATE_VERIFY_MAC",
    "ReEncrypt": "ENCRYPT_DECRYPT",
    "Sign": "SIGN_VERIFY",
    "Verify": "SIGN_VERIFY",
    "VerifyMac": "GENERATE_VERIFY_MAC",
}
SHORTEST_PERIOD, USUAL_PERIOD, LONGEST_PERIOD = 90, 365, 2560  # days


@operation("kms", *USAGES)
def use_key(call: Call) -> Response:
    """Use a key through moto if its state and usage allow it."""
    key = key_of(call.request)
    if key and key.state == "Disabled":
        raise AwsError("DisabledException", f"{key.arn} is disabled.")
    if key and key.state != "Enabled":
        raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if key and key.usage != USAGES[call.operation]:
        message = f"{key.arn} key usage is {key.usage} which is not valid for {call.operation}."
        raise AwsError("InvalidKeyUsageException", message)
    return call.ask_moto()


@operation("kms", "EnableKeyRotation")
def enable_key_rotation(call: Call) -> Response:
    """Let a key be rotated, and keep the period; no key is rotated here."""
    days = call.parameters.get("RotationPeriodInDays")
    if days is not None and not SHORTEST_PERIOD <= days <= LONGEST_PERIOD:
        message = f"RotationPeriodInDays must be {SHORTEST_PERIOD} to {LONGEST_PERIOD}, not {days}"
        raise AwsError("ValidationException", message)
    response = call.ask_moto()
    if response.ok and days is not None:
        _record(call).kennel_rotation_period = days
    return response


@operation("kms", "GetKeyRotationStatus")
def get_key_rotation_status(call: Call) -> dict[str, Any] | Response:
    """Return whether a key is rotated, and its period."""
    response = call.ask_moto()
    if not response.ok:
        return response
    record = _record(call)
    status = {"KeyId": record.id, "KeyRotationEnabled": record.key_rotation_status}
    if record.key_rotation_status:
        status["RotationPeriodInDays"] = getattr(record, "kennel_rotation_period", USUAL_PERIOD)
    return status


def _record(call: Call) -> Any:
    backend = call.backend()
    return backend.keys[backend.get_key_id(call.parameters["KeyId"])]
