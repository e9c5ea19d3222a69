"""Finders for resources with names: a second one of the same name is refused."""

from __future__ import annotations

from typing import Any

from kennel.aws import session
from kennel.aws.infrastructure.existing.ownership import Finder, Values, ours


def _bucket(values: Values) -> str | None:
    from botocore.exceptions import ClientError

    s3, name = session.client("s3"), values["bucket"]
    owned = {"Bucket": name, "ExpectedBucketOwner": session.account_id()}
    s3.head_bucket(**owned)
    try:
        tags = s3.get_bucket_tagging(**owned)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        return str(
            name
        )  # S3 creates a bucket first and tags it then; its name has the stack's and the account
    return name if ours(values, tags) else None


def _key(values: Values) -> str | None:
    kms = session.client("kms")
    for page in kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            metadata = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            usable = metadata["KeyManager"] == "CUSTOMER" and metadata["KeyState"] == "Enabled"
            if (
                usable
                and metadata["Description"] == values["description"]
                and _key_ours(values, key["KeyId"])
            ):
                return str(key["KeyId"])
    return None


def _key_ours(values: Values, key: str) -> bool:
    return ours(values, session.client("kms").list_resource_tags(KeyId=key)["Tags"])


def _key_alias(values: Values) -> str | None:
    """Find an alias: that of the stack points to its key, whose id is known from the state."""
    kms, name = session.client("kms"), values["name"]
    for page in kms.get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == name and alias.get("TargetKeyId") == values["target_key_id"]:
                return str(name)
    return None


def _role(values: Values) -> str | None:
    role = session.client("iam").get_role(RoleName=values["name"])["Role"]
    return values["name"] if ours(values, role.get("Tags")) else None


def _managed_policy(values: Values) -> str | None:
    iam = session.client("iam")
    path = values.get("path") or "/"
    arn = f"arn:{iam.meta.partition}:iam::{session.account_id()}:policy{path}{values['name']}"
    return arn if ours(values, iam.get_policy(PolicyArn=arn)["Policy"].get("Tags")) else None


def _instance_profile(values: Values) -> str | None:
    name = values["name"]
    profile = session.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    return name if ours(values, profile.get("Tags")) else None


def _identity_provider(values: Values) -> str | None:
    iam = session.client("iam")
    host = values["url"].removeprefix("https://")
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = provider["Arn"]
        if arn.partition("oidc-provider/")[2] == host:
            tags = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]
            return arn if ours(values, tags) else None
    return None


def _log_group(values: Values) -> str | None:
    logs, name = session.client("logs"), values["name"]
    for group in logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]:
        if group["logGroupName"] == name:
            arn = group["arn"].removesuffix(":*")
            return name if ours(values, logs.list_tags_for_resource(resourceArn=arn)["tags"]) else None
    return None


def _queue(values: Values) -> str | None:
    sqs = session.client("sqs")
    url = sqs.get_queue_url(QueueName=values["name"])["QueueUrl"]
    return url if ours(values, sqs.list_queue_tags(QueueUrl=url).get("Tags")) else None


def _topic(values: Values) -> str | None:
    sns = session.client("sns")
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            arn = topic["TopicArn"]
            if arn.rpartition(":")[2] == values["name"]:
                return arn if ours(values, sns.list_tags_for_resource(ResourceArn=arn)["Tags"]) else None
    return None


def _function(values: Values) -> str | None:
    name = values["function_name"]
    function = session.client("lambda").get_function(FunctionName=name)
    return name if ours(values, function.get("Tags")) else None


def _function_alias(values: Values) -> str | None:
    """Find an alias of a function that is in the state, since the function's name is known from there."""
    function, name = values["function_name"], values["name"]
    session.client("lambda").get_alias(FunctionName=function, Name=name)
    return f"{function.rpartition(':')[2]}/{name}"


def _function_url(values: Values) -> str | None:
    function, qualifier = values["function_name"], values.get("qualifier")
    options = {"Qualifier": qualifier} if qualifier else {}
    session.client("lambda").get_function_url_config(FunctionName=function, **options)
    name = function.rpartition(":")[2]
    return f"{name}/{qualifier}" if qualifier else name


def _function_permission(values: Values) -> str | None:
    import json

    function, qualifier = values["function_name"], values.get("qualifier")
    options = {"Qualifier": qualifier} if qualifier else {}
    policy = session.client("lambda").get_policy(FunctionName=function, **options)["Policy"]
    sid = values["statement_id"]
    if sid not in [statement.get("Sid") for statement in json.loads(policy)["Statement"]]:
        return None
    name = function.rpartition(":")[2]
    return f"{name}:{qualifier}/{sid}" if qualifier else f"{name}/{sid}"


def _sagemaker(operation: str, parameter: str, arn: str, attribute: str = "name") -> Finder:
    def finder(values: Values) -> str | None:
        sagemaker, name = session.client("sagemaker"), values[attribute]
        found = getattr(sagemaker, operation)(**{parameter: name})
        tags = sagemaker.list_tags(ResourceArn=found[arn])["Tags"]
        return name if ours(values, tags) else None

    return finder


def _budget(values: Values) -> str | None:
    budgets, account, name = session.client("budgets"), session.account_id(), values["name"]
    budgets.describe_budget(AccountId=account, BudgetName=name)
    partition = session.client("budgets").meta.partition
    arn = f"arn:{partition}:budgets::{account}:budget/{name}"
    tags = budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]
    return f"{account}:{name}" if ours(values, tags) else None


def _parameter(values: Values) -> str | None:
    ssm, name = session.client("ssm"), values["name"]
    ssm.get_parameter(Name=name)
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
    return name if ours(values, tags) else None


def _scalable_target(values: Values) -> str | None:
    """Find the target of a resource in the state: its id is known from there."""
    space, resource, dimension = (
        values["service_namespace"],
        values["resource_id"],
        values["scalable_dimension"],
    )
    targets: list[Any] = session.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace=space, ResourceIds=[resource], ScalableDimension=dimension
    )["ScalableTargets"]
    return f"{space}/{resource}/{dimension}" if targets else None


FINDERS: dict[str, Finder] = {
    "aws_appautoscaling_target": _scalable_target,
    "aws_budgets_budget": _budget,
    "aws_cloudwatch_log_group": _log_group,
    "aws_iam_instance_profile": _instance_profile,
    "aws_iam_openid_connect_provider": _identity_provider,
    "aws_iam_policy": _managed_policy,
    "aws_iam_role": _role,
    "aws_kms_alias": _key_alias,
    "aws_kms_key": _key,
    "aws_lambda_alias": _function_alias,
    "aws_lambda_function": _function,
    "aws_lambda_function_url": _function_url,
    "aws_lambda_permission": _function_permission,
    "aws_s3_bucket": _bucket,
    "aws_sagemaker_endpoint": _sagemaker("describe_endpoint", "EndpointName", "EndpointArn"),
    "aws_sagemaker_endpoint_configuration": _sagemaker(
        "describe_endpoint_config", "EndpointConfigName", "EndpointConfigArn"
    ),
    "aws_sagemaker_model_package_group": _sagemaker(
        "describe_model_package_group",
        "ModelPackageGroupName",
        "ModelPackageGroupArn",
        "model_package_group_name",
    ),
    "aws_sagemaker_model": _sagemaker("describe_model", "ModelName", "ModelArn"),
    "aws_sagemaker_notebook_instance": _sagemaker(
        "describe_notebook_instance", "NotebookInstanceName", "NotebookInstanceArn"
    ),
    "aws_sagemaker_notebook_instance_lifecycle_configuration": _sagemaker(
        "describe_notebook_instance_lifecycle_config",
        "NotebookInstanceLifecycleConfigName",
        "NotebookInstanceLifecycleConfigArn",
    ),
    "aws_sns_topic": _topic,
    "aws_sqs_queue": _queue,
    "aws_ssm_parameter": _parameter,
}
