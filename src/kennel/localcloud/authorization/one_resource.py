"""Requests whose parameters name two resources, of which one is authorised and moto would take the other."""

from __future__ import annotations

from kennel.localcloud.authorization.resources import SOURCE_KEYS, key_in_ciphertext
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store, uploads
from kennel.localcloud.protocol.messages import AwsError

# Parameters of which a request may give one only, and the code of the error.
ALTERNATIVES = {
    "sns": (("TopicArn", "TargetArn", "PhoneNumber"), "InvalidParameter"),
    "logs": (("logGroupName", "logGroupIdentifier", "logGroupNames"), "InvalidParameterException"),
}


def check(request: ApiRequest) -> None:
    """Refuse a request that names two resources where the operation is about one.

    Raises
    ------
    AwsError
        With AWS's code.
    """
    names, code = ALTERNATIVES.get(request.service, ((), ""))
    given = [name for name in names if request.parameters.get(name)]
    if len(given) > 1:
        raise AwsError(code, f"Invalid parameter: give only one of {' and '.join(given)}")
    if request.service == "s3" and request.parameters.get("UploadId"):
        _check_upload(request)
    if request.service == "kms":
        _check_key(request)


def _check_upload(request: ApiRequest) -> None:
    """Refuse an upload of another object's; without a permission on the object, the caller learns nothing."""
    parameters = request.parameters
    key = uploads.key_of_upload(parameters.get("Bucket", ""), parameters["UploadId"])
    if key is not None and key != parameters.get("Key"):
        raise AwsError(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
            "aborted or completed.",
            404,
        )


def _check_key(request: ApiRequest) -> None:
    """Refuse a ciphertext of another key than the one that the request names."""
    named = next((request.parameters[name] for name in SOURCE_KEYS if request.parameters.get(name)), None)
    inside = key_in_ciphertext(request)
    if not named or not inside:
        return
    key, other = (policy_store.key(request.region, name) for name in (named, inside))
    if key and other and key.arn != other.arn:
        raise AwsError(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )
