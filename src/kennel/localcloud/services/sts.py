"""STS: sessions of roles, and the caller's identity."""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.protocol.messages import AwsError, Response

NO_LONG_TERM_TOKENS = "The local cloud creates sessions with AssumeRole only."


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Return the caller's account, ARN and unique id."""
    return {"UserId": call.principal.unique_id, "Account": call.account, "Arn": call.principal.arn}


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> Response:
    """Create a session; the gateway has checked the role's trust policy and the caller's policies."""
    parameters = call.parameters
    arn, name = parameters.get("RoleArn", ""), parameters.get("RoleSessionName", "")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise AwsError(
            "ValidationError", f"RoleSessionName {name!r} must be 2 to 64 of A-Z a-z 0-9 + = , . @ - _"
        )
    seconds = parameters.get("DurationSeconds", 3600)
    role = policy_store.role(arn)
    if seconds > (role.longest_session if role else 3600):
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return call.ask_moto()


@operation("sts", "GetSessionToken", "GetFederationToken")
def unsupported_token(call: Call) -> dict[str, Any]:
    """Refuse: the keys that moto returns belong to nobody, and no call could be made with them."""
    raise AwsError("NotImplemented", NO_LONG_TERM_TOKENS, 501)
