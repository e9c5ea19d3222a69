"""The rules that the checks apply to the statements of a policy. Independent of checkov."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from statements import TerraformStatement, is_reference, texts

# Services that set aws:SourceAccount when they assume a role. EC2 does not: it cannot assume an instance role
# whose trust policy requires it (https://github.com/prowler-cloud/prowler/issues/2810).
SERVICES_WITH_SOURCE_ACCOUNT = ("sagemaker.amazonaws.com", "lambda.amazonaws.com")
# SageMaker is documented to set it for training jobs and inference, not for tuning jobs and notebook
# instances (its guide, "Cross-service confused deputy prevention"): it may be compared where it is set.
SERVICES_THAT_MAY_SET_IT = {"sagemaker.amazonaws.com"}
_SOURCE = ("aws:SourceAccount", "aws:SourceArn")
_WHOLE_SERVICE = re.compile(r"^(\*|[a-z0-9-]+:\*|\*:\*)$", re.IGNORECASE)


def grants_whole_service(statement: TerraformStatement) -> bool:
    """Return whether a statement grants all actions, or all actions of a service.

    A KMS key policy may grant ``kms:*`` to the account's root: this is how KMS delegates to IAM, and ``*``
    is limited to this key there.
    """
    if not statement.allows:
        return False
    if statement.not_actions:
        return True
    broad_actions = [action for action in statement.actions or [] if _WHOLE_SERVICE.match(action)]
    delegates = bool(statement.principals) and all(
        kind == "AWS" and name.endswith(":root") for kind, name in statement.principals
    )
    return any(action.lower() != "kms:*" or not delegates for action in broad_actions)


def passes_any_role(statement: TerraformStatement) -> bool:
    """Return whether a statement allows passing any role, or passing a role to any service."""
    if not statement.grants("iam:PassRole"):
        return False
    any_role = statement.not_resources or any(
        resource in ("*", "arn:*") or resource.endswith(":role/*") for resource in statement.resources
    )
    return any_role or not statement.tests("iam:PassedToService")


def trusts_any_account(statement: TerraformStatement, for_each: Any = None) -> bool:
    """Return whether a service that sets aws:SourceAccount may assume the role for any account.

    Parameters
    ----------
    for_each
        The block's ``for_each``, which resolves principals written as ``each.value``.
    """
    if not (statement.grants("sts:AssumeRole") or statement.actions is None):
        return False
    principals = [name for kind, name in statement.principals if kind == "Service"]
    services = {name for name in principals if name in SERVICES_WITH_SOURCE_ACCOUNT}
    if any(is_reference(name) for name in principals):
        services |= (
            {text for text in texts(for_each) if text in SERVICES_WITH_SOURCE_ACCOUNT}
            if for_each
            else set(SERVICES_WITH_SOURCE_ACCOUNT)
        )
    if any(statement.tests_if_present(name) for name in _SOURCE):
        services -= SERVICES_THAT_MAY_SET_IT
    if not services or any(statement.tests(name) for name in _SOURCE):
        return False
    return not any(
        name.lower() in map(str.lower, _SOURCE) and _covers(when, services)
        for when, name in statement.dynamic_conditions
    )


def _covers(when: str, services: set[str]) -> bool:
    """Return whether a dynamic condition applies to all these services, according to its expression."""
    return all(service in when for service in services) if "?" in when else bool(when.strip())


# Conditions that limit who a principal of * may be, or for whom a service acts.
_LIMITS_OF_EVERYONE = (
    *("aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths"),
    *(
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceip",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
    ),
    *("aws:sourceorgid", "kms:calleraccount", "aws:userid"),
)


def lets_everyone_in(statement: TerraformStatement) -> bool:
    """Return whether a statement of a resource's policy allows every principal, without a limit."""
    if not statement.allows or not any(
        name == "*" and kind in ("AWS", "*", "Federated") for kind, name in statement.principals
    ):
        return False
    return not any(statement.tests(name) for name in _LIMITS_OF_EVERYONE)


_CREATES = re.compile(r"^[a-z0-9-]+:(Create|Run|InvokeEndpoint|InvokeFunction)", re.IGNORECASE)


def creates_anything(statement: TerraformStatement, expand: Callable[[list[str]], list[str]]) -> bool:
    """Return whether a statement allows creating or invoking on ``*`` what AWS has a resource type for.

    Parameters
    ----------
    expand
        Returns the actions with a resource type that some patterns match.
    """
    # In the policy of a resource, which names principals, the resource is the one that has it.
    if not statement.allows or "*" not in statement.resources or statement.principals:
        return False
    if statement.conditions or statement.dynamic_conditions:
        return False
    return any(_CREATES.match(action) for action in expand(statement.actions or []))


_JOBS = (
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateHyperParameterTuningJob",
    "sagemaker:CreateProcessingJob",
)
_NETWORK_KEYS = ("sagemaker:VpcSubnets", "sagemaker:VpcSecurityGroupIds", "sagemaker:NetworkIsolation")
# Instance types with local disks take no key: a statement for these types compares the types.
_VOLUME_KEYS = ("sagemaker:VolumeKmsKey", "sagemaker:VolumeKmsKeyArn", "sagemaker:InstanceTypes")


def starts_any_job(statement: TerraformStatement) -> bool:
    """Return whether a statement allows jobs outside the network, or volumes without an own key."""
    if statement.principals or not any(statement.grants(action) for action in _JOBS):
        return False
    return not all(
        any(statement.tests(name) or statement.tests_dynamically(name) for name in names)
        for names in (_NETWORK_KEYS, _VOLUME_KEYS)
    )
