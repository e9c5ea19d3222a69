"""STS: sessions of roles, and the caller's identity."""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import credential_store, policy_store
from kennel.localcloud.moto_adapter.credential_store import SessionOptions
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError

NO_LONG_TERM_TOKENS = "The local cloud creates sessions with AssumeRole and AssumeRoleWithWebIdentity only."

DEFAULT_SECONDS = 3600  # of a session that names no duration
MOST_POLICY_ARNS = 10
LONGEST_CHAINED = 3600  # of a session that another session of a role asks for
refuse("sts", "messages are not encoded here; the audit log says why", "DecodeAuthorizationMessage")


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    """Return the caller's account, ARN and unique id."""
    return {"UserId": call.principal.unique_id, "Account": call.account, "Arn": call.principal.arn}


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> dict[str, Any]:
    """Create a session; the gateway has checked the role's trust policy and the caller's policies."""
    if call.principal.kind == "role" and call.parameters.get("DurationSeconds", 0) > LONGEST_CHAINED:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining",
        )
    return _create_session(call)


@operation("sts", "AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(call: Call) -> dict[str, Any]:
    """Create a session for the holder of a token, which the gateway has verified, as the role's trust."""
    holder = call.principal
    return {
        **_create_session(call),
        "SubjectFromWebIdentityToken": holder.claims["sub"],
        "Audience": holder.claims["aud"],
        "Provider": holder.name,
    }


def _create_session(call: Call) -> dict[str, Any]:
    parameters = call.parameters
    _check_session(parameters)
    options = session_options(parameters, call.principal)
    session = credential_store.create_session(
        parameters["RoleArn"],
        parameters["RoleSessionName"],
        parameters.get("DurationSeconds", DEFAULT_SECONDS),
        options,
    )
    output = {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.session_token,
            "Expiration": session.expiration,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.principal.unique_id, "Arn": session.principal.arn},
    }
    if options.source_identity:
        output["SourceIdentity"] = options.source_identity
    return output


def session_options(parameters: dict[str, Any], caller: Principal) -> SessionOptions:
    """Return what a session is created with: by the request, and inherited from the caller's own session.

    Raises
    ------
    AwsError
        A policy, tag or source identity is not valid.
    """
    tags = {tag["Key"]: tag.get("Value", "") for tag in parameters.get("Tags") or []}
    inherited = {name: caller.tags[name] for name in caller.transitive_tags if name in caller.tags}
    names = {name.lower() for name in tags}
    if len(names) != len(parameters.get("Tags") or []):
        raise AwsError("InvalidParameterValue", "Duplicate tag keys found. Tag keys are case insensitive.")
    if overridden := sorted(name for name in inherited if name.lower() in names):
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag"
            f" key from the calling session: {overridden[0]}",
        )
    transitive = parameters.get("TransitiveTagKeys") or []
    if unknown := [name for name in transitive if name.lower() not in names]:
        raise AwsError(
            "InvalidParameterValue",
            f"The transitive tag key must be included in the Tags: {unknown[0]}",
        )
    identity = parameters.get("SourceIdentity") or caller.source_identity
    if caller.source_identity and identity != caller.source_identity:
        raise AwsError(
            "ValidationError",
            "You cannot change the source identity of the session that you assume a role from.",
            400,
        )
    return SessionOptions(
        _session_policies(parameters),
        {**tags, **inherited},
        tuple(dict.fromkeys((*transitive, *inherited))),
        identity,
    )


def _session_policies(parameters: dict[str, Any]) -> tuple[str, ...] | None:
    """Return the documents of a session's inline and managed policies; None if it has none."""
    documents = [parameters["Policy"]] if parameters.get("Policy") else []
    for item in parameters.get("PolicyArns") or []:
        arn = item.get("arn", "")
        document = policy_store.managed_policy(arn)
        if document is None:
            raise AwsError("MalformedPolicyDocument", f"Policy {arn} does not exist or is not attachable.")
        documents.append(document)
    return tuple(documents) or None


def _check_session(parameters: dict[str, Any]) -> None:
    """Refuse a session whose name or length is not valid."""
    arn, name = parameters.get("RoleArn", ""), parameters.get("RoleSessionName", "")
    if not re.fullmatch(r"[\w+=,.@-]{2,64}", name):
        raise AwsError(
            "ValidationError", f"RoleSessionName {name!r} must be 2 to 64 of A-Z a-z 0-9 + = , . @ - _"
        )
    if len(parameters.get("PolicyArns") or []) > MOST_POLICY_ARNS:
        raise AwsError("ValidationError", f"A session takes at most {MOST_POLICY_ARNS} managed policies.")
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
