"""What resources of Terraform's provider read back or change, by plain calls."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Client

TAGS = [{"Key": "team", "Value": "vision"}]
METADATA = f"<EntityDescriptor><!-- {'x' * 1000} --></EntityDescriptor>"


def test_devices_providers_and_profiles_have_tags(client: Client) -> None:
    iam = client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="tagged", Tags=TAGS)["VirtualMFADevice"]
    serial = {"SerialNumber": device["SerialNumber"]}
    provider = {
        "SAMLProviderArn": iam.create_saml_provider(Name="tagged", SAMLMetadataDocument=METADATA, Tags=TAGS)[
            "SAMLProviderArn"
        ]
    }
    for kind, named in (("mfa_device", serial), ("saml_provider", provider)):
        getattr(iam, f"tag_{kind}")(**named, Tags=[{"Key": "stage", "Value": "dev"}])
        getattr(iam, f"untag_{kind}")(**named, TagKeys=["team"])
        assert getattr(iam, f"list_{kind}_tags")(**named)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    assert iam.get_saml_provider(**provider)["Tags"] == [{"Key": "stage", "Value": "dev"}]
    iam.delete_virtual_mfa_device(**serial)
    iam.delete_saml_provider(**provider)
    for kind, named in (("mfa_device", serial), ("saml_provider", provider)):
        with pytest.raises(ClientError, match="NoSuchEntity"):
            getattr(iam, f"list_{kind}_tags")(**named)
    iam.create_instance_profile(InstanceProfileName="tagged", Tags=TAGS)
    assert iam.list_instance_profile_tags(InstanceProfileName="tagged")["Tags"] == TAGS


def test_a_provider_of_identities_gets_and_loses_clients(client: Client) -> None:
    iam = client("iam")
    created = iam.create_open_id_connect_provider(Url="https://clients.example.com", ClientIDList=["a"])
    provider = {"OpenIDConnectProviderArn": created["OpenIDConnectProviderArn"]}
    iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="b")
    iam.add_client_id_to_open_id_connect_provider(**provider, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**provider, ClientID="a")
    assert iam.get_open_id_connect_provider(**provider)["ClientIDList"] == ["b"]


def test_a_topic_shows_all_that_was_set(client: Client) -> None:
    sns = client("sns")
    given = {"TracingConfig": "Active", "SignatureVersion": "2", "KmsMasterKeyId": "alias/aws/sns"}
    topic = {"TopicArn": sns.create_topic(Name="shown", Attributes=given)["TopicArn"]}
    role = "arn:aws:iam::123456789012:role/feedback"
    sns.set_topic_attributes(**topic, AttributeName="SQSFailureFeedbackRoleArn", AttributeValue=role)

    def attributes() -> dict[str, Any]:
        shown: dict[str, Any] = sns.get_topic_attributes(**topic)["Attributes"]
        return shown

    assert attributes().items() >= {**given, "SQSFailureFeedbackRoleArn": role}.items()
    assert (attributes()["SubscriptionsConfirmed"], "FifoTopic" in attributes()) == ("0", False)
    queue = "arn:aws:sqs:us-east-1:123456789012:shown"
    client("sqs").create_queue(QueueName="shown")
    sns.subscribe(**topic, Protocol="sqs", Endpoint=queue)
    assert attributes()["SubscriptionsConfirmed"] == "1"
    fifo = sns.create_topic(Name="shown.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    assert sns.get_topic_attributes(TopicArn=fifo)["Attributes"]["FifoTopic"] == "true"


def test_a_topic_has_no_other_attributes(client: Client) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="strict")["TopicArn"]
    for name, code in (("Arn", "InvalidParameter"), ("ArchivePolicy", "ArchivePolicy")):
        with pytest.raises(ClientError, match=code):
            sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue="x")


def test_what_others_depend_on_is_not_deleted(client: Client) -> None:
    iam = client("iam")

    def conflict(method: str, **named: str) -> str:
        with pytest.raises(ClientError) as refused:
            getattr(iam, method)(**named)
        assert refused.value.response["Error"]["Code"] == "DeleteConflict"
        return str(refused.value.response["Error"]["Message"])

    allow = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    policy = {"PolicyArn": iam.create_policy(PolicyName="kept", PolicyDocument=allow)["Policy"]["Arn"]}
    user, group = {"UserName": "kept"}, {"GroupName": "kept"}
    iam.create_group(**group)
    iam.create_user(**user, PermissionsBoundary=policy["PolicyArn"])
    key = iam.create_access_key(**user)["AccessKey"]["AccessKeyId"]
    iam.add_user_to_group(**user, **group)
    assert "delete access keys" in conflict("delete_user", **user)
    iam.delete_access_key(**user, AccessKeyId=key)
    assert "remove users from group" in conflict("delete_user", **user)
    assert "remove users from group" in conflict("delete_group", **group)
    iam.remove_user_from_group(**user, **group)
    assert "attached to entities" in conflict("delete_policy", **policy)
    iam.delete_user(**user)
    iam.attach_group_policy(**group, **policy)
    assert "detach all policies" in conflict("delete_group", **group)
    assert "attached to entities" in conflict("delete_policy", **policy)
    iam.detach_group_policy(**group, **policy)
    iam.delete_group(**group)
    iam.create_policy_version(**policy, PolicyDocument=allow, SetAsDefault=True)
    assert "more than one version" in conflict("delete_policy", **policy)
    iam.delete_policy_version(**policy, VersionId="v1")
    iam.delete_policy(**policy)


def test_the_report_of_credentials_is_of_now(client: Client) -> None:
    iam = client("iam")
    iam.generate_credential_report()
    report = iam.get_credential_report()
    assert report["GeneratedTime"].timestamp() > time.time() - 300  # or later: tests advance the clock
    assert report["Content"].startswith(b"user,arn,user_creation_time")


def test_subnets_are_filtered_by_their_ranges_and_a_filter_that_is_not_there_is_named(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block)["Subnet"]
    association = subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    name = "ipv6-cidr-block-association.association-id"
    for value, expected in ((association, [subnet["SubnetId"]]), ("subnet-cidr-assoc-0", [])):
        shown = ec2.describe_subnets(Filters=[{"Name": name, "Values": [value]}])["Subnets"]
        assert [each["SubnetId"] for each in shown] == expected
    with pytest.raises(ClientError, match="no filter outpost-arn of ec2:DescribeSubnets"):
        ec2.describe_subnets(Filters=[{"Name": "outpost-arn", "Values": ["a"]}])
