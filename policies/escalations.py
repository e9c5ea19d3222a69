"""Combinations of permissions by which a principal raises its own rights. Independent of checkov.

Sources: https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/ and
https://github.com/RhinoSecurityLabs/AWS-IAM-Privilege-Escalation, with the actions of SageMaker, ECS,
CodeBuild and Step Functions that take a role and run code with it.
"""

from __future__ import annotations

from collections.abc import Iterable

from statements import TerraformStatement

PASSING = "iam:PassRole"
# Enough by themselves, on a resource that the statement leaves open.
ALONE = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteUserPermissionsBoundary",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "lambda:UpdateFunctionCode",
    "sagemaker:CreatePresignedDomainUrl",
    "sagemaker:CreatePresignedNotebookInstanceUrl",
    "ssm:SendCommand",
    "ssm:StartSession",
    "sts:AssumeRole",
)
# With the right to pass a role that the statement leaves open: the code that they start has the role.
WITH_PASSING = (
    "cloudformation:CreateStack",
    "codebuild:CreateProject",
    "datapipeline:CreatePipeline",
    "ec2:RunInstances",
    "ecs:RunTask",
    "glue:CreateDevEndpoint",
    "glue:CreateJob",
    "lambda:CreateFunction",
    "lambda:UpdateFunctionConfiguration",
    "sagemaker:CreateModel",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateProcessingJob",
    "sagemaker:CreateTrainingJob",
    "states:CreateStateMachine",
)
_OPEN_ENDINGS = (":role/*", ":policy/*", ":user/*", ":group/*", ":function:*", ":instance/*")
_OPEN_ENDINGS += (":notebook-instance/*", ":user-profile/*", ":*")


def escalations(statements: Iterable[TerraformStatement]) -> list[tuple[str, ...]]:
    """Return the combinations of actions that the statements of one principal allow together.

    A statement with conditions does not count, except for ``iam:PassedToService``: it limits the service,
    and the combination is with that service.
    """
    # The policy of a resource, which names principals, gives nothing beyond that resource.
    statements = [statement for statement in statements if not statement.principals]
    paths = [(action,) for action in ALONE if _open(statements, action)]
    if _open(statements, PASSING, despite=("iam:passedtoservice",)):
        paths += [
            (PASSING, action)
            for action in WITH_PASSING
            if any(statement.grants(action) and not _limited(statement) for statement in statements)
        ]
    return paths


def _open(statements: list[TerraformStatement], action: str, despite: tuple[str, ...] = ()) -> bool:
    """Return whether a statement allows an action on resources that it leaves open, without conditions."""
    return any(
        statement.grants(action) and leaves_open(statement) and not _limited(statement, despite)
        for statement in statements
    )


def leaves_open(statement: TerraformStatement) -> bool:
    """Return whether the resources of a statement are all of a kind."""
    return statement.not_resources or any(
        resource in ("*", "arn:*") or resource.endswith(_OPEN_ENDINGS) for resource in statement.resources
    )


def _limited(statement: TerraformStatement, despite: tuple[str, ...] = ()) -> bool:
    names = [name for test, name in statement.conditions if test.lower() != "null"]
    names += [name for _, name in statement.dynamic_conditions]
    return any(name.lower() not in despite for name in names)
