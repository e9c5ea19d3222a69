"""KMS: a key that is disabled, to be deleted, or for something else does nothing; moto uses any."""

from __future__ import annotations

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
