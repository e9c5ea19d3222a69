"""Policies in requests: a document that AWS refuses when it is put is refused before the call runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.grammar import InvalidPolicyError, PolicyKind, check_document
from kennel.localcloud.protocol.messages import AwsError


@dataclass(frozen=True)
class DocumentRule:
    """Where an operation carries a policy, of which kind, and the error of one that is not valid.

    Attributes
    ----------
    parameter
        The parameter's name; after a full stop, the name of a member.
    message
        Replaces the grammar's own message, where the service has one for all errors.
    """

    parameter: str
    kind: PolicyKind
    code: str
    message: str = ""


_IDENTITY = DocumentRule("PolicyDocument", "identity", "MalformedPolicyDocument")
_KEY = DocumentRule("Policy", "resource", "MalformedPolicyDocumentException")
_SESSION = DocumentRule("Policy", "session", "MalformedPolicyDocument")
_ORGANIZATION = DocumentRule("Content", "identity", "MalformedPolicyDocumentException")
_QUEUE = DocumentRule(
    "Attributes.Policy", "resource", "InvalidAttributeValue", "Invalid value for the parameter Policy."
)
_TOPIC = DocumentRule(
    "Attributes.Policy", "resource", "InvalidParameter", "Invalid parameter: Policy Error: null"
)
RULES: dict[tuple[str, str], DocumentRule] = {
    **{
        ("iam", operation): _IDENTITY
        for operation in (
            "PutRolePolicy",
            "PutUserPolicy",
            "PutGroupPolicy",
            "CreatePolicy",
            "CreatePolicyVersion",
        )
    },
    ("iam", "CreateRole"): DocumentRule("AssumeRolePolicyDocument", "trust", "MalformedPolicyDocument"),
    ("iam", "UpdateAssumeRolePolicy"): DocumentRule("PolicyDocument", "trust", "MalformedPolicyDocument"),
    ("sts", "AssumeRole"): _SESSION,
    ("sts", "AssumeRoleWithWebIdentity"): _SESSION,
    ("s3", "PutBucketPolicy"): DocumentRule("Policy", "resource", "MalformedPolicy"),
    ("kms", "PutKeyPolicy"): _KEY,
    ("kms", "CreateKey"): _KEY,
    ("sqs", "SetQueueAttributes"): _QUEUE,
    ("sqs", "CreateQueue"): _QUEUE,
    ("sns", "SetTopicAttributes"): _TOPIC,
    ("sns", "CreateTopic"): _TOPIC,
    ("organizations", "CreatePolicy"): _ORGANIZATION,
    ("organizations", "UpdatePolicy"): _ORGANIZATION,
}


def refuse_invalid_policies(request: ApiRequest) -> None:
    """Refuse a call whose policy AWS would not accept.

    Raises
    ------
    AwsError
        The error of the called service.
    """
    rule = RULES.get((request.service, request.operation))
    if rule is None or request.parameters.get("Type") not in (None, "SERVICE_CONTROL_POLICY"):
        return
    for document in _documents(request, rule):
        try:
            check_document(document, rule.kind)
        except InvalidPolicyError as error:
            raise AwsError(rule.code, rule.message or str(error)) from error


def _documents(request: ApiRequest, rule: DocumentRule) -> Iterator[str]:
    if request.operation == "SetTopicAttributes":
        if request.parameters.get("AttributeName") == "Policy":
            yield request.parameters.get("AttributeValue") or ""
        return
    value: object = request.parameters
    for name in rule.parameter.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value:  # an empty one takes the policy away
        yield str(value)
