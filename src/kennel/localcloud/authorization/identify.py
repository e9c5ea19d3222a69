"""Who signed a request: the operator, a role's session, or an IAM user."""

from __future__ import annotations

import hmac

from kennel.localcloud import ACCOUNT_ID, OPERATOR_ACCESS_KEY
from kennel.localcloud.moto_adapter import credential_store
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.protocol.signature import RequestSignature

OPERATOR = Principal(
    "operator",
    arn=f"arn:aws:iam::{ACCOUNT_ID}:user/kennel-operator",
    account=ACCOUNT_ID,
    name="kennel-operator",
    unique_id="AIDAOPERATOR",
)
# Services that speak, or spoke, the query protocol: they name their credential errors alike.
QUERY_SERVICES = {"iam", "sts", "sns", "cloudwatch", "autoscaling", "elbv2", "rds", "cloudformation", "ses"}


def identify(signature: RequestSignature, service: str, operator_secret: str) -> tuple[Principal, str]:
    """Find the holder of a request's access key.

    Parameters
    ----------
    service
        The called service, whose error a refusal is.
    operator_secret
        The secret key of the cloud's operator.

    Returns
    -------
    The principal, and the secret key that it must sign with.

    Raises
    ------
    AwsError
        The key is unknown, inactive or expired, or its session token is missing or another session's.
    """
    if signature.access_key == OPERATOR_ACCESS_KEY:
        return OPERATOR, operator_secret
    if signature.access_key.startswith("ASIA"):
        session = credential_store.session(signature.access_key)
        token = signature.token.encode("utf-8", "replace")
        if session is None or not hmac.compare_digest(session.session_token.encode(), token):
            raise _unknown_key(service)
        if session.expired:
            raise _expired_token(service)
        return session.principal, session.secret_access_key
    key = credential_store.user_key(signature.access_key)
    if key is None:
        raise _unknown_key(service)
    return key.principal, key.secret_access_key


def _unknown_key(service: str) -> AwsError:
    if service == "s3":
        return AwsError(
            "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
        )
    if service == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    code = "InvalidClientTokenId" if service in QUERY_SERVICES else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)


def _expired_token(service: str) -> AwsError:
    if service == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", 400)
    code = "ExpiredToken" if service in QUERY_SERVICES else "ExpiredTokenException"
    return AwsError(code, "The security token included in the request is expired", 403)
