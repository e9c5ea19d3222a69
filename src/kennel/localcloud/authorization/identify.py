"""Who signed a request: the operator, a role's session, an IAM user, or nobody."""

from __future__ import annotations

import hmac
from typing import Any

from kennel.localcloud import ACCOUNT_ID, OPERATOR_ACCESS_KEY, OPERATOR_SECRET_KEY
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.protocol.sigv4 import Signature

OPERATOR = Principal(
    "operator",
    arn=f"arn:aws:iam::{ACCOUNT_ID}:user/kennel-operator",
    account=ACCOUNT_ID,
    name="kennel-operator",
    unique_id="AIDAOPERATOR",
)


def identify(signature: Signature, service: str) -> tuple[Principal, str]:
    """Find the holder of a request's access key.

    Returns
    -------
    The principal, and the secret that the signature must have been made with.

    Raises
    ------
    AwsError
        The key is unknown, inactive or expired, or its session token is missing or another's.
    """
    from moto.core.utils import utcnow
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    key_id = signature.access_key
    if key_id == OPERATOR_ACCESS_KEY:
        return OPERATOR, OPERATOR_SECRET_KEY
    iam = iam_backends[ACCOUNT_ID]["aws"]
    if key_id.startswith("ASIA"):
        sessions = sts_backends[ACCOUNT_ID]["aws"].assumed_roles
        session = next((s for s in reversed(sessions) if s.access_key_id == key_id), None)
        token = signature.token.encode("utf-8", "replace")
        if session is None or not hmac.compare_digest(session.session_token.encode(), token):
            raise _unknown(service)
        if session.expiration < utcnow():
            raise _expired(service)
        return _session_principal(session, iam), session.secret_access_key
    key = iam.access_keys.get(key_id)
    user = iam.users.get(key.user_name) if key and key.user_name else None
    if user is None or key is None or key.status != "Active":
        raise _unknown(service)
    principal = Principal(
        "user",
        user.arn,
        account=ACCOUNT_ID,
        name=user.name,
        unique_id=user.id,
        tags=_tags(iam.tagger, user.arn),
    )
    return principal, key.secret_access_key


def _session_principal(session: Any, iam: Any) -> Principal:
    name = session.role_arn.split("/")[-1]
    role = next((r for r in iam.roles.values() if r.arn == session.role_arn), None)
    return Principal(
        "role",
        session.arn,
        account=ACCOUNT_ID,
        name=name,
        role_arn=session.role_arn,
        unique_id=f"{role.id if role else 'AROADELETED'}:{session.session_name}",
        session_policy=session.policy or None,
        tags={tag["Key"]: tag["Value"] for tag in role.tags or []} if role else {},
    )


def _tags(tagger: Any, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tagger.list_tags_for_resource(arn).get("Tags", [])}


QUERY_SERVICES = {"iam", "sts", "sns", "cloudwatch", "autoscaling", "elbv2", "rds", "cloudformation", "ses"}


def _unknown(service: str) -> AwsError:
    if service == "s3":
        return AwsError(
            "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403
        )
    if service == "ec2":
        return AwsError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    code = "InvalidClientTokenId" if service in QUERY_SERVICES else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)


def _expired(service: str) -> AwsError:
    if service == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", 400)
    code = "ExpiredToken" if service in QUERY_SERVICES else "ExpiredTokenException"
    return AwsError(code, "The security token included in the request is expired", 403)
