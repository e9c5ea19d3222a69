"""STS: sessions of roles, and the caller's identity."""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import credential_store, policy_store
from kennel.localcloud.protocol.messages import AwsError, Response

NO_LONG_TERM_TOKENS = "The local cloud creates sessions with AssumeRole and AssumeRoleWithWebIdentity only."

DEFAULT_SECONDS = 3600  # of a session that names no duration


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Return the caller's account, ARN and unique id."""
    return {"UserId": call.principal.unique_id, "Account": call.account, "Arn": call.principal.arn}


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> Response:
    """Create a session; the gateway has checked the role's trust policy and the caller's policies."""
    _check_session(call.parameters)
    return call.ask_moto()


@operation("sts", "AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(call: Call) -> dict[str, Any]:
    """Create a session for the holder of a token, which the gateway has verified, as the role's trust."""
    _check_session(call.parameters)
    parameters, holder = call.parameters, call.principal
    session = credential_store.create_session(
        parameters["RoleArn"],
        parameters["RoleSessionName"],
        parameters.get("DurationSeconds", DEFAULT_SECONDS),
        parameters.get("Policy", ""),
    )
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.principal.unique_id, "Arn": session.principal.arn},
        "SubjectFromWebIdentityToken": holder.claims["sub"],
        "Audience": holder.claims["aud"],
        "Provider": holder.name,
    }


def _check_session(parameters: dict[str, Any]) -> None:
    """Refuse a session whose name, length or policies are not valid."""
    arn, name = parameters.get("RoleArn", ""), parameters.get("RoleSessionName", "")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise AwsError(
            "ValidationError", f"RoleSessionName {name!r} must be 2 to 64 of A-Z a-z 0-9 + = , . @ - _"
        )
    if parameters.get("PolicyArns"):
        raise AwsError("NotImplemented", "The local cloud takes a session's policy as Policy only.", 501)
    seconds = parameters.get("DurationSeconds", DEFAULT_SECONDS)
    role = policy_store.role(arn)
    if seconds > (role.longest_session if role else DEFAULT_SECONDS):
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )


@operation("sts", "GetSessionToken", "GetFederationToken")
def unsupported_token(call: Call) -> dict[str, Any]:
    """Refuse: the keys that moto returns belong to nobody, and no call could be made with them."""
    raise AwsError("NotImplemented", NO_LONG_TERM_TOKENS, 501)
