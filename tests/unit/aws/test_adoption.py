"""What exists is adopted if it is the stack's own, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import boto3
import pytest

from kennel.aws import session
from kennel.aws.infrastructure import adoption, existing
from kennel.aws.infrastructure.adoption import Adoption

TAGS = {"Project": "kennel", "Environment": "dev", "ManagedBy": "terraform"}
OTHERS = {**TAGS, "Environment": "prod"}
TRUST = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}'
# Creating these again changes what is there to the same values, so they are never in the way.
REPEATABLE = frozenset(
    {
        "aws_appautoscaling_policy",
        "aws_appautoscaling_scheduled_action",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_log_metric_filter",
        "aws_cloudwatch_metric_alarm",
        "aws_default_security_group",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_lambda_provisioned_concurrency_config",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_logging",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
    }
)
pytestmark = pytest.mark.usefixtures("stack")


def listed(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def test_every_kind_of_resource_can_be_found_or_created_again() -> None:
    kinds = {
        kind
        for file in (session.ROOT / "terraform").rglob("*.tf")
        for kind in re.findall(r'^resource "(aws_\w+)"', file.read_text(), re.MULTILINE)
    }

    assert kinds <= existing.FINDERS.keys() | REPEATABLE
    assert not existing.FINDERS.keys() & REPEATABLE


def test_a_role_is_found_by_its_name_and_tags() -> None:
    iam = boto3.client("iam")
    values = {"name": "kennel-dev-function", "tags_all": TAGS}
    assert existing.find("aws_iam_role", values) is None

    iam.create_role(RoleName=values["name"], AssumeRolePolicyDocument=TRUST, Tags=listed(TAGS))
    assert existing.find("aws_iam_role", values) == "kennel-dev-function"
    assert existing.find("aws_iam_role", {**values, "tags_all": OTHERS}) is None
    assert existing.find("aws_iam_role", {"tags_all": TAGS}) is None, "its name is not known yet"


def test_a_managed_policy_is_found_by_its_name_and_tags() -> None:
    values = {"name": "kennel-dev-plan", "path": "/", "tags_all": TAGS}
    assert existing.find("aws_iam_policy", values) is None

    arn = boto3.client("iam").create_policy(
        PolicyName=values["name"], PolicyDocument=TRUST, Tags=listed(TAGS)
    )["Policy"]["Arn"]
    assert existing.find("aws_iam_policy", values) == arn
    assert existing.find("aws_iam_policy", {**values, "tags_all": OTHERS}) is None


def test_a_network_is_found_by_its_tags_unless_two_have_them() -> None:
    ec2, tags = boto3.client("ec2"), {**TAGS, "Name": "kennel-dev"}

    def create() -> str:
        specification = [{"ResourceType": "vpc", "Tags": listed(tags)}]
        vpc: dict[str, Any] = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=specification)["Vpc"]
        return str(vpc["VpcId"])

    assert existing.find("aws_vpc", {"tags_all": tags}) is None
    vpc = create()
    assert existing.find("aws_vpc", {"tags_all": tags}) == vpc
    assert existing.find("aws_vpc", {"tags_all": TAGS}) is None, "without a name it may be any"
    create()
    assert existing.find("aws_vpc", {"tags_all": tags}) is None


def test_a_bucket_may_have_no_tags_yet_but_not_another_stack_s() -> None:
    s3, values = boto3.client("s3"), {"bucket": "kennel-dev-data-123456789012", "tags_all": TAGS}
    assert existing.find("aws_s3_bucket", values) is None

    s3.create_bucket(Bucket=values["bucket"])
    assert existing.find("aws_s3_bucket", values) == values["bucket"]

    s3.put_bucket_tagging(Bucket=values["bucket"], Tagging={"TagSet": listed(OTHERS)})
    assert existing.find("aws_s3_bucket", values) is None


def test_a_key_that_is_to_be_deleted_is_not_found() -> None:
    kms, values = boto3.client("kms"), {"description": "Photos", "tags_all": TAGS}
    key = kms.create_key(Description="Photos", Tags=listed(TAGS, "TagKey", "TagValue"))["KeyMetadata"][
        "KeyId"
    ]
    assert existing.find("aws_kms_key", values) == key
    assert existing.find("aws_kms_alias", {"name": "alias/kennel-dev", "target_key_id": key}) is None

    kms.create_alias(AliasName="alias/kennel-dev", TargetKeyId=key)
    alias = {"name": "alias/kennel-dev", "target_key_id": key}
    assert existing.find("aws_kms_alias", alias) == "alias/kennel-dev"
    assert existing.find("aws_kms_alias", {**alias, "target_key_id": "another"}) is None

    kms.schedule_key_deletion(KeyId=key)
    assert existing.find("aws_kms_key", values) is None


def test_a_rule_is_found_by_its_group_and_what_it_allows() -> None:
    ec2 = boto3.client("ec2")
    group = ec2.create_security_group(GroupName="kennel-dev-workload", Description="Workload")["GroupId"]
    rule = ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": group}]}
        ],
    )["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    values = {
        "security_group_id": group,
        "ip_protocol": "tcp",
        "from_port": 443,
        "to_port": 443,
        "referenced_security_group_id": group,
    }
    kind = "aws_vpc_security_group_ingress_rule"

    assert existing.find(kind, values) == rule
    assert existing.find(kind, {**values, "to_port": 444}) is None
    assert existing.find("aws_vpc_security_group_egress_rule", values) is None


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("aws_cloudwatch_log_group", {"name": "/aws/lambda/kennel-dev-predict"}),
        ("aws_iam_instance_profile", {"name": "kennel-dev"}),
        ("aws_lambda_alias", {"function_name": "kennel-dev-predict", "name": "live"}),
        ("aws_lambda_function", {"function_name": "kennel-dev-predict"}),
        ("aws_lambda_function_url", {"function_name": "kennel-dev-predict", "qualifier": "live"}),
        ("aws_lambda_permission", {"function_name": "kennel-dev-predict", "statement_id": "url"}),
        ("aws_sagemaker_endpoint", {"name": "kennel-dev-classifier"}),
        ("aws_sagemaker_endpoint_configuration", {"name": "kennel-dev-deployment-1"}),
        ("aws_sagemaker_model", {"name": "kennel-dev-deployment-1"}),
        ("aws_sagemaker_model_package_group", {"model_package_group_name": "kennel-dev"}),
        ("aws_sagemaker_notebook_instance", {"name": "kennel-dev-notebook"}),
        ("aws_sagemaker_notebook_instance_lifecycle_configuration", {"name": "kennel-dev-notebook"}),
        ("aws_sns_topic", {"name": "kennel-dev-alarms"}),
        ("aws_sqs_queue", {"name": "kennel-dev-predict-dead-letters"}),
        ("aws_ssm_parameter", {"name": "/kennel/dev/release"}),
    ],
)
def test_what_does_not_exist_is_not_found(kind: str, values: dict[str, str]) -> None:
    assert existing.find(kind, {**values, "tags_all": TAGS}) is None


def test_a_parameter_is_found_whatever_it_holds() -> None:
    ssm = boto3.client("ssm")
    values = {"name": "/kennel/dev/release", "tags_all": TAGS}
    ssm.put_parameter(Name=values["name"], Type="String", Value="{}", Tags=listed(TAGS))

    assert existing.find("aws_ssm_parameter", values) == values["name"]
    assert existing.find("aws_ssm_parameter", {**values, "tags_all": OTHERS}) is None


def test_a_group_of_the_model_registry_is_found_by_its_tags() -> None:
    kind, values = "aws_sagemaker_model_package_group", {"model_package_group_name": "kennel-dev"}
    boto3.client("sagemaker").create_model_package_group(
        ModelPackageGroupName="kennel-dev", Tags=listed(TAGS)
    )

    assert existing.find(kind, {**values, "tags_all": TAGS}) == "kennel-dev"
    assert existing.find(kind, {**values, "tags_all": OTHERS}) is None


def test_import_blocks_are_for_one_environment_and_for_one_plan(tmp_path: Path) -> None:
    file = tmp_path / "adopt_dev.tf"
    adopted = Adoption('module.storage.aws_s3_bucket.this["data"]', 'a"${b}')

    with adoption.importing(tmp_path, "dev", [adopted]):
        assert file.read_text() == (
            "import {\n"
            '  for_each = toset(var.environment == "dev" ? ["a\\"$${b}"] : [])\n'
            '  to       = module.storage.aws_s3_bucket.this["data"]\n'
            "  id       = each.value\n"
            "}\n"
        )
    assert not file.exists()
