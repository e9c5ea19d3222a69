"""STS: real sessions for those whom a role's trust policy names, and the caller's real identity."""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.protocol.messages import AwsError, Response

NO_LONG_TERM_TOKENS = "The local cloud mints sessions with AssumeRole only."


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    who = call.principal
    return {"UserId": who.unique_id, "Account": call.account, "Arn": who.arn}


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> Response:
    """Answer with a session; that the trust policy and the caller's own allow it was decided before."""
    parameters = call.parameters
    arn, name = parameters.get("RoleArn", ""), parameters.get("RoleSessionName", "")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise AwsError(
            "ValidationError", f"RoleSessionName {name!r} must be 2 to 64 of A-Z a-z 0-9 + = , . @ - _"
        )
    seconds = parameters.get("DurationSeconds", 3600)
    longest = int(getattr(policy_store.role(arn), "max_session_duration", None) or 3600)
    if seconds > longest:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return call.ask_moto()


@operation("sts", "GetSessionToken", "GetFederationToken")
def unsupported_token(call: Call) -> dict[str, Any]:
    """moto answers these with keys that nobody holds."""
    raise AwsError("NotImplemented", NO_LONG_TERM_TOKENS, 501)
