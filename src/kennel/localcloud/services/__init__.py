"""AWS's services in the local cloud, one folder or file for each: its handlers and what really runs."""

from __future__ import annotations

from importlib import import_module

from kennel.localcloud.dispatch.cloud import Cloud

HANDLERS = (
    "api_gateway.gateway_operations",
    "api_gateway.http_operations",
    "api_gateway.rest_operations",
    "api_gateway.rest_updates",
    "application_autoscaling.activities",
    "application_autoscaling.decisions",
    "application_autoscaling.policies",
    "application_autoscaling.scheduled",
    "application_autoscaling.targets",
    "athena",
    "auto_scaling.activities",
    "auto_scaling.groups",
    "auto_scaling.notifications",
    "auto_scaling.policies",
    "auto_scaling.refreshes",
    "auto_scaling.scheduled",
    "budgets",
    "clock",
    "cloudwatch.actions",
    "cloudwatch.alarms",
    "cloudwatch.describe_alarms",
    "cloudwatch.get_data",
    "cloudwatch.get_statistics",
    "cloudwatch.metric_data",
    "dynamodb",
    "ec2.api",
    "ec2.instances",
    "ec2.launch",
    "ec2.network",
    "events.api",
    "events.scheduler",
    "firehose",
    "iam",
    "iam_deletion",
    "iam_last_accessed",
    "iam_tags",
    "iam_users",
    "kinesis",
    "kms",
    "lambda_.code",
    "lambda_.configuration",
    "lambda_.event_sources",
    "lambda_.function_url",
    "lambda_.invoke",
    "lambda_.permissions",
    "logs.api",
    "logs.insights",
    "logs.query_definitions",
    "logs.settings",
    "refused",
    "s3",
    "s3_access",
    "s3_access_logs",
    "s3_blocked_encryption",
    "s3_conditions",
    "s3_configurations",
    "s3_cors",
    "s3_lifecycle",
    "s3_listing",
    "s3_notifications",
    "s3_object_lock",
    "s3_replication",
    "s3_upload_listing",
    "s3_uploads",
    "s3_website",
    "sagemaker.endpoints.api",
    "sagemaker.endpoints.asynchronous",
    "sagemaker.endpoints.invocation",
    "sagemaker.endpoints.launch",
    "sagemaker.endpoints.response_stream",
    "sagemaker.listing",
    "sagemaker.models",
    "sagemaker.notebooks",
    "sagemaker.processing.api",
    "sagemaker.registry",
    "sagemaker.tags",
    "sagemaker.trial_metrics",
    "sagemaker.training.api",
    "sagemaker.training.spot",
    "sagemaker.transform.api",
    "sagemaker.tuning.api",
    "sagemaker.unsupported",
    "secrets_manager",
    "sns",
    "sns_confirmation",
    "sns_topics",
    "ssm.run_command",
    "step_functions",
    "stored",
    "sts",
    "web_identity",
)


def register() -> None:
    """Register every handler."""
    for name in HANDLERS:  # imported for their handlers, which register themselves
        import_module(f"{__name__}.{name}")


def prepare(cloud: Cloud) -> None:
    """Create what AWS owns in every account, and start the background work, in each region that is used."""
    from kennel.localcloud.services.deliveries import deliver_notifications
    from kennel.localcloud.services.lambda_.triggers import run_triggered
    from kennel.localcloud.services.s3_access_logs import deliver_access_logs
    from kennel.localcloud.services.s3_expiration import apply_lifecycles

    run_triggered(cloud)
    deliver_notifications(cloud)
    deliver_access_logs(cloud)
    apply_lifecycles(cloud)
    cloud.prepare_regions(_prepare_region)


def _prepare_region(cloud: Cloud) -> None:
    from kennel.localcloud.services.application_autoscaling.restart import keep_scaling
    from kennel.localcloud.services.auto_scaling.groups import publish_groups
    from kennel.localcloud.services.auto_scaling.refreshing import keep_refreshing
    from kennel.localcloud.services.auto_scaling.scheduled import run_actions
    from kennel.localcloud.services.cloudwatch.evaluation import evaluate_alarms
    from kennel.localcloud.services.ec2.api import seed
    from kennel.localcloud.services.events.timetable import run_by_clock
    from kennel.localcloud.services.lambda_.function_metrics import publish_concurrency
    from kennel.localcloud.services.lambda_.provisioned import keep_provisioned
    from kennel.localcloud.services.lambda_.queue_poller import poll_queues
    from kennel.localcloud.services.logs.metric_filters import publish_defaults
    from kennel.localcloud.services.sagemaker.endpoints.endpoint_metrics import watch_endpoints
    from kennel.localcloud.services.sagemaker.endpoints.inference_queue import watch_queues
    from kennel.localcloud.services.secrets_manager import rotate_by_clock
    from kennel.localcloud.services.sqs import publish_depths
    from kennel.localcloud.services.ssm.processor_metrics import watch_processors

    seed(cloud)
    publish_defaults(cloud)
    publish_depths(cloud)
    publish_concurrency(cloud)
    evaluate_alarms(cloud)
    keep_provisioned(cloud)
    poll_queues(cloud)
    run_by_clock(cloud)
    keep_scaling(cloud)
    run_actions(cloud)
    keep_refreshing(cloud)
    publish_groups(cloud)
    watch_endpoints(cloud)
    watch_queues(cloud)
    rotate_by_clock(cloud)
    watch_processors(cloud)
