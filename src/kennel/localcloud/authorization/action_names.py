"""The IAM action of an operation: its own name, unless AWS has another.

Source: AWS Service Authorization Reference, whose actions `resource_types.json` holds; a test compares.
"""

from __future__ import annotations

# IAM's service prefixes that differ from botocore's service names.
PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "accessanalyzer": "access-analyzer",
    "s3control": "s3",
    "elbv2": "elasticloadbalancing",
    "stepfunctions": "states",
    "service-quotas": "servicequotas",
    "resourcegroupstaggingapi": "tag",
    "amp": "aps",
    "bedrock-agent": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "bedrock-runtime": "bedrock",
    "dynamodbstreams": "dynamodb",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "emr": "elasticmapreduce",
    "iot-data": "iot",
    "kinesisanalyticsv2": "kinesisanalytics",
    "lexv2-models": "lex",
    "opensearch": "es",
    "opensearchserverless": "aoss",
    "pinpoint": "mobiletargeting",
    "sesv2": "ses",
    "sso-admin": "sso",
    "timestream-query": "timestream",
    "timestream-write": "timestream",
}
# Actions that are not named as their operation.
RENAMED = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "lambda:InvokeFunction",
    ("sagemaker-runtime", "InvokeEndpointWithResponseStream"): "sagemaker:InvokeEndpoint",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sns", "PublishBatch"): "sns:Publish",
    ("cloudfront", "CreateDistributionWithTags"): "cloudfront:CreateDistribution",
    **{
        ("budgets", operation): "budgets:ViewBudget"
        for operation in (
            "DescribeBudget",
            "DescribeBudgets",
            "DescribeNotificationsForBudget",
            "DescribeSubscribersForNotification",
        )
    },
    **{
        ("budgets", f"{verb}{noun}"): "budgets:ModifyBudget"
        for verb in ("Create", "Update", "Delete")
        for noun in ("Budget", "Notification", "Subscriber")
    },
    **{
        ("s3control", f"{verb}PublicAccessBlock"): f"s3:{action}AccountPublicAccessBlock"
        for verb, action in (("Get", "Get"), ("Put", "Put"), ("Delete", "Put"))
    },
}


def action_name(service: str, operation: str) -> str:
    """Return the IAM action of an operation.

    Parameters
    ----------
    service, operation
        botocore's names.
    """
    return RENAMED.get((service, operation)) or f"{PREFIXES.get(service, service)}:{operation}"
