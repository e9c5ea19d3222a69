"""What AWS charges for each type of resource: all that the stack has are billed, or free for a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kennel.capacity.cost.plan import Resource, Resources
from kennel.capacity.cost.usage import Usage
from kennel.capacity.prices import HOURS_A_MONTH

SECONDS_A_MONTH = HOURS_A_MONTH * 3600
DAYS_A_MONTH = HOURS_A_MONTH / 24
DETAILED_METRICS = 7  # that an EC2 instance with detailed monitoring is billed for
TRACKING_ALARMS = (
    2  # that a target-tracking policy makes: https://docs.aws.amazon.com/autoscaling/application
)


@dataclass(frozen=True)
class Charge:
    """One quantity that a resource is billed for in a month.

    Parameters
    ----------
    service, item
        Of the table of prices.
    quantity
        In the price's unit; None if it is not known.
    by_use
        Whether it follows an assumption of use; otherwise it is billed as long as the resource exists.
    most
        The quantity at most, where something else than use raises it: scaling.
    """

    service: str
    item: str
    quantity: float | None
    by_use: bool = False
    most: float | None = None


Rule = Callable[[Resource, Resources, Usage], Iterable[Charge]]


def _alarm(resource: Resource, _: Resources, __: Usage) -> Iterable[Charge]:
    metrics = [query for query in resource.values.get("metric_query") or [] if query.get("metric")]
    fast = (resource.values.get("period") or 60) < 60
    yield Charge("cloudwatch", "alarm, high resolution" if fast else "alarm", max(1, len(metrics)))


def _log_group(resource: Resource, _: Resources, usage: Usage) -> Iterable[Charge]:
    written = usage.of("log_gb", resource.index)
    days = resource.values.get("retention_in_days") or 0
    kept = written * days / DAYS_A_MONTH if written is not None and days else None
    yield Charge("cloudwatch", "log ingestion", written, by_use=True)
    yield Charge("cloudwatch", "log storage", kept, by_use=True)


def _policy(resource: Resource, _: Resources, __: Usage) -> Iterable[Charge]:
    if resource.values.get("policy_type") != "TargetTrackingScaling":
        return
    metric = Resource("", "", None, resource.block("target_tracking_scaling_policy_configuration")).block(
        "predefined_metric_specification"
    )
    fast = "HighResolution" in (metric.get("predefined_metric_type") or "")
    yield Charge("cloudwatch", "alarm, high resolution" if fast else "alarm", TRACKING_ALARMS)


def _instance(resource: Resource, _: Resources, usage: Usage) -> Iterable[Charge]:
    hours = usage["training_host_hours"]
    volume = resource.block("root_block_device")
    yield Charge("ec2", f"instance/{resource.values.get('instance_type')}", hours, by_use=True)
    yield Charge("ec2", f"volume/{volume.get('volume_type')}", volume.get("volume_size"))
    if resource.values.get("monitoring"):
        yield Charge("cloudwatch", "metric", DETAILED_METRICS * hours / HOURS_A_MONTH, by_use=True)


def _key(_: Resource, __: Resources, usage: Usage) -> Iterable[Charge]:
    yield Charge("kms", "key", 1)
    yield Charge("kms", "request", usage["kms_requests"], by_use=True)


def _function(resource: Resource, resources: Resources, usage: Usage) -> Iterable[Charge]:
    requests, gb = usage["requests"], (resource.values.get("memory_size") or 128) / 1024
    name = resource.values.get("function_name")
    provisioned = resources.find("aws_lambda_provisioned_concurrency_config", function_name=name)
    duration = "provisioned duration" if provisioned else "duration"
    yield Charge("lambda", "request", requests, by_use=True)
    yield Charge("lambda", duration, requests * usage["function_seconds"] * gb, by_use=True)
    yield Charge("cloudwatch", "metric", usage["function_metrics"], by_use=True)
    yield Charge("ec2", "transfer out", requests * usage["answer_kb"] / 1e6, by_use=True)
    if resource.block("tracing_config").get("mode") == "Active":
        yield Charge("xray", "trace", requests * usage["traced_share"], by_use=True)


def _provisioned(resource: Resource, resources: Resources, _: Usage) -> Iterable[Charge]:
    name = resource.values.get("function_name")
    function = resources.find("aws_lambda_function", function_name=name)
    count = resource.values.get("provisioned_concurrent_executions")
    if function is None or count is None:
        yield Charge("lambda", "provisioned concurrency", None)
        return
    target = resources.find(
        "aws_appautoscaling_target", resource_id=f"function:{name}:{resource.values.get('qualifier')}"
    )
    least, most = _limits(target, count)
    each = (function.values.get("memory_size") or 128) / 1024 * SECONDS_A_MONTH
    yield Charge("lambda", "provisioned concurrency", least * each, most=most * each)


def _bucket(resource: Resource, _: Resources, usage: Usage) -> Iterable[Charge]:
    yield Charge("s3", "storage", usage.of("bucket_gb", resource.index), by_use=True)
    if resource.index == "data":
        yield Charge("s3", "put request", usage["put_requests"], by_use=True)
        yield Charge("s3", "get request", usage["get_requests"], by_use=True)


def _endpoint(resource: Resource, resources: Resources, usage: Usage) -> Iterable[Charge]:
    configuration = resources.find(
        "aws_sagemaker_endpoint_configuration", name=resource.values.get("endpoint_config_name")
    )
    if configuration is None:
        yield Charge("sagemaker", "hosting, of a configuration that is not known", None)
        return
    variants = configuration.values.get("production_variants") or []
    serverless = [settings for variant in variants for settings in variant.get("serverless_config") or []]
    for settings in serverless:
        gb = settings["memory_size_in_mb"] // 1024
        seconds = usage["requests"] * usage["endpoint_seconds"]
        yield Charge("sagemaker", f"serverless/{gb}GB", seconds, by_use=True)
        if settings.get("provisioned_concurrency"):
            yield Charge("sagemaker", f"serverless provisioned concurrency/{gb}GB", None)
    for variant in variants:
        if not variant.get("serverless_config"):
            yield from _hosting(resource, variant, resources)
    gb = usage["requests"] * (usage["photo_mb"] + usage["answer_kb"] / 1000) / 1000
    yield Charge("sagemaker", "serverless data" if serverless else "hosting data", gb, by_use=True)


def _hosting(endpoint: Resource, variant: dict[str, Any], resources: Resources) -> Iterable[Charge]:
    target = resources.find(
        "aws_appautoscaling_target",
        resource_id=f"endpoint/{endpoint.values.get('name')}/variant/{variant.get('variant_name')}",
    )
    least, most = _limits(target, variant.get("initial_instance_count") or 1)
    yield Charge(
        "sagemaker",
        f"hosting/{variant.get('instance_type')}",
        least * HOURS_A_MONTH,
        most=most * HOURS_A_MONTH,
    )
    yield Charge("sagemaker", "hosting volume", variant.get("volume_size_in_gb"))


def _limits(target: Resource | None, count: int) -> tuple[int, int]:
    """Return the least and the most of what a target scales, whatever number it began with."""
    if target is None:
        return count, count
    return target.values.get("min_capacity", count), target.values.get("max_capacity", count)


def _notebook(resource: Resource, _: Resources, usage: Usage) -> Iterable[Charge]:
    hours = usage["notebook_hours"]
    yield Charge("sagemaker", f"notebook/{resource.values.get('instance_type')}", hours, by_use=True)
    yield Charge("sagemaker", "notebook volume", resource.values.get("volume_size"))


def _vpc_endpoint(resource: Resource, resources: Resources, usage: Usage) -> Iterable[Charge]:
    if resource.values.get("vpc_endpoint_type") != "Interface":
        return
    # The subnets of an endpoint that does not exist yet have no ids: the settings say how many there will be.
    zones = len(resource.values.get("subnet_ids") or ()) or resources.outputs.get("network", {}).get(
        "interface_endpoint_zones"
    )
    yield Charge("vpc", "interface endpoint", zones * HOURS_A_MONTH if zones else None)
    yield Charge("vpc", "interface endpoint data", usage["interface_endpoint_gb"], by_use=True)


def _parameter(resource: Resource, _: Resources, __: Usage) -> Iterable[Charge]:
    if resource.values.get("tier") in ("Advanced", "Intelligent-Tiering"):
        yield Charge("ssm", "advanced parameter", 1)


BILLED: dict[str, Rule] = {
    "aws_appautoscaling_policy": _policy,
    "aws_cloudwatch_composite_alarm": lambda *_: [Charge("cloudwatch", "composite alarm", 1)],
    "aws_cloudwatch_dashboard": lambda *_: [Charge("cloudwatch", "dashboard", 1)],
    "aws_cloudwatch_log_group": _log_group,
    "aws_cloudwatch_log_metric_filter": lambda *_: [Charge("cloudwatch", "metric", 1)],
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_instance": _instance,
    "aws_kms_key": _key,
    "aws_lambda_function": _function,
    "aws_lambda_provisioned_concurrency_config": _provisioned,
    "aws_s3_bucket": _bucket,
    "aws_sagemaker_endpoint": _endpoint,
    "aws_sagemaker_notebook_instance": _notebook,
    "aws_sns_topic": lambda _, __, usage: [Charge("sns", "e-mail", usage["emails"], by_use=True)],
    "aws_sqs_queue": lambda _, __, usage: [Charge("sqs", "request", usage["requests"] / 1000, by_use=True)],
    "aws_ssm_parameter": _parameter,
    "aws_vpc_endpoint": _vpc_endpoint,
}

_IAM = "IAM is free"
_VPC = "a part of the VPC, which is free"
_BUCKET = "a setting of a bucket"
_SAGEMAKER = "billed by the endpoint that runs it"
FREE: dict[str, str] = {
    "aws_appautoscaling_scheduled_action": "Application Auto Scaling is free",
    "aws_appautoscaling_target": "Application Auto Scaling is free; its instances are the endpoint's",
    "aws_budgets_budget": "a budget without actions is free",
    "aws_default_security_group": _VPC,
    "aws_flow_log": "its lines are billed with their log group",
    "aws_iam_instance_profile": _IAM,
    "aws_iam_openid_connect_provider": _IAM,
    "aws_iam_policy": _IAM,
    "aws_iam_role": _IAM,
    "aws_iam_role_policy": _IAM,
    "aws_iam_role_policy_attachment": _IAM,
    "aws_kms_alias": "a name of a key",
    "aws_lambda_alias": "a name of a version",
    "aws_lambda_function_url": "its requests are the function's",
    "aws_lambda_permission": _IAM,
    "aws_route_table": _VPC,
    "aws_route_table_association": _VPC,
    "aws_s3_bucket_lifecycle_configuration": _BUCKET,
    "aws_s3_bucket_logging": _BUCKET,
    "aws_s3_bucket_ownership_controls": _BUCKET,
    "aws_s3_bucket_policy": _BUCKET,
    "aws_s3_bucket_public_access_block": _BUCKET,
    "aws_s3_bucket_server_side_encryption_configuration": _BUCKET,
    "aws_s3_bucket_versioning": _BUCKET,
    "aws_sagemaker_endpoint_configuration": _SAGEMAKER,
    "aws_sagemaker_model": _SAGEMAKER,
    "aws_sagemaker_model_package_group": "the model registry is free",
    "aws_sagemaker_notebook_instance_lifecycle_configuration": "a script of the notebook",
    "aws_security_group": _VPC,
    "aws_sns_topic_policy": "a setting of the topic",
    "aws_sns_topic_subscription": "its messages are the topic's",
    "aws_subnet": _VPC,
    "aws_vpc": "a VPC is free",
    "aws_vpc_security_group_egress_rule": _VPC,
    "aws_vpc_security_group_ingress_rule": _VPC,
    "terraform_data": "a value in Terraform's state",
}
NOTHING_NOW = "nothing of it is billed with these settings"


def beside(resources: Resources, usage: Usage) -> list[tuple[str, Charge]]:
    """Return what is billed to the account beside the plan's resources, each with a name for it."""
    job = (resources.outputs.get("training") or {}).get("instance_type")
    charges = [("(the key of Terraform's state)", Charge("kms", "key", 1))]
    if job:
        charges += [
            ("(training jobs)", Charge("sagemaker", f"training/{job}", usage["training_hours"], by_use=True)),
            ("(training jobs)", Charge("sagemaker", "training volume", None, by_use=True)),
        ]
    return charges
