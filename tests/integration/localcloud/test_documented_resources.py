"""What resources of Terraform's provider read back or change, by plain calls."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.localcloud import OPERATOR_ACCESS_KEY, REGION, lifecycle

from .conftest import ACCOUNT, Client, operator_secret

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
    for name, value, expected in (
        ("association-id", association, [subnet["SubnetId"]]),
        ("association-id", "subnet-cidr-assoc-0", []),
        ("ipv6-cidr-block", block, [subnet["SubnetId"]]),
        ("state", "associated", [subnet["SubnetId"]]),
    ):
        filters = [{"Name": f"ipv6-cidr-block-association.{name}", "Values": [value]}]
        shown = ec2.describe_subnets(Filters=filters)["Subnets"]
        assert [each["SubnetId"] for each in shown] == expected
        for each in shown:
            assert each["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"] == {"State": "associated"}
    with pytest.raises(ClientError, match="no filter outpost-arn of ec2:DescribeSubnets"):
        ec2.describe_subnets(Filters=[{"Name": "outpost-arn", "Values": ["a"]}])


def test_a_state_machine_has_versions(client: Client) -> None:
    states = client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/states"
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    made = states.create_state_machine(name="versions", definition=text, roleArn=role, publish=True)
    machine, first = {"stateMachineArn": made["stateMachineArn"]}, made["stateMachineVersionArn"]
    assert states.publish_state_machine_version(**machine)["stateMachineVersionArn"] == first
    states.update_state_machine(**machine, definition=text.replace('"A"', '"B"'))
    second = states.publish_state_machine_version(**machine)["stateMachineVersionArn"]

    def versions(**page: Any) -> list[str]:
        shown = states.list_state_machine_versions(**machine, **page)["stateMachineVersions"]
        return [each["stateMachineVersionArn"] for each in shown]

    assert versions() == [second, first]
    assert versions(maxResults=1) == [second]
    token = states.list_state_machine_versions(**machine, maxResults=1)["nextToken"]
    assert versions(nextToken=token) == [first]
    route = [{"stateMachineVersionArn": first, "weight": 100}]
    alias = states.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    with pytest.raises(ClientError, match="ConflictException"):
        states.delete_state_machine_version(stateMachineVersionArn=first)
    states.delete_state_machine_alias(stateMachineAliasArn=alias)
    states.delete_state_machine_version(stateMachineVersionArn=first)
    assert versions() == [second]


def test_log_groups_have_classes_and_subscriptions_distributions(client: Client) -> None:
    logs, kinesis = client("logs"), client("kinesis")
    logs.create_log_group(logGroupName="/classes/rare", logGroupClass="INFREQUENT_ACCESS", tags={"a": "b"})
    logs.create_log_group(logGroupName="/classes/usual")
    logs.associate_kms_key(logGroupName="/classes/usual", kmsKeyId="arn:aws:kms:us-east-1:123456789012:key/a")
    groups = logs.describe_log_groups(logGroupNamePrefix="/classes")["logGroups"]
    assert [each["logGroupClass"] for each in groups] == ["INFREQUENT_ACCESS", "STANDARD"]
    assert [each.get("kmsKeyId", "")[-5:] for each in groups] == ["", "key/a"]
    kinesis.create_stream(StreamName="classes", ShardCount=1, Tags={"team": "vision"})
    assert kinesis.list_tags_for_stream(StreamName="classes")["Tags"] == [{"Key": "team", "Value": "vision"}]
    stream = "arn:aws:kinesis:us-east-1:123456789012:stream/classes"
    for name, distribution in (("a", "Random"), ("b", "ByLogStream"), ("a", "ByLogStream"), ("b", "Random")):
        logs.put_subscription_filter(
            logGroupName="/classes/usual",
            filterName=name,
            filterPattern="",
            destinationArn=stream,
            distribution=distribution,
        )
    filters = logs.describe_subscription_filters(logGroupName="/classes/usual")["subscriptionFilters"]
    assert {each["filterName"]: each["distribution"] for each in filters} == {
        "a": "ByLogStream",
        "b": "Random",
    }


def test_a_key_keeps_the_period_of_its_rotation(client: Client) -> None:
    kms = client("kms")
    key = {"KeyId": kms.create_key()["KeyMetadata"]["KeyId"]}
    kms.enable_key_rotation(**key, RotationPeriodInDays=180)
    status = kms.get_key_rotation_status(**key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 180)
    with pytest.raises(ClientError, match="ValidationException"):
        kms.enable_key_rotation(**key, RotationPeriodInDays=2561)


def test_an_instance_starts_from_what_there_is(client: Client) -> None:
    ec2 = client("ec2")
    parameters = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    for wrong, code in (
        ({"ImageId": "ami-00000000"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "x9.huge"}, "InvalidParameterValue"),
        ({"KeyName": "lost"}, "InvalidKeyPair.NotFound"),
    ):
        with pytest.raises(ClientError, match=code):
            ec2.run_instances(**{**parameters, **wrong})


def test_an_interface_outlives_its_instance(client: Client) -> None:
    ec2 = client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interfaces = [
        ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"] for _ in "ab"
    ]
    (instance,) = ec2.run_instances(
        ImageId="ami-12c6146b",
        InstanceType="t3.micro",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[{"DeviceIndex": 0, "NetworkInterfaceId": interfaces[0]}],
    )["Instances"]
    ec2.attach_network_interface(
        DeviceIndex=1, InstanceId=instance["InstanceId"], NetworkInterfaceId=interfaces[1]
    )
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    for each in ec2.describe_network_interfaces(NetworkInterfaceIds=interfaces)["NetworkInterfaces"]:
        assert (each["Status"], each.get("Attachment")) == ("available", None)
        ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])


def test_an_account_s_number_before_the_host_is_answered_through_a_proxy(service: lifecycle.Status) -> None:
    """Terraform's provider sends S3 Control's calls there with HTTP_PROXY."""
    control = boto3.client(
        "s3control",
        endpoint_url=service.endpoint_url,
        region_name=REGION,
        aws_access_key_id=OPERATOR_ACCESS_KEY,
        aws_secret_access_key=operator_secret(service),
        config=Config(proxies={"http": service.endpoint_url}, retries={"total_max_attempts": 1}),
    )
    control.put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    block = control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
    assert block["RestrictPublicBuckets"] is True
    control.delete_public_access_block(AccountId=ACCOUNT)


def test_an_instance_keeps_what_it_is_launched_with(client: Client) -> None:
    ec2 = client("ec2")
    launch = {"ImageId": "ami-12c6146b", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    (instance,) = ec2.run_instances(
        **launch,
        CreditSpecification={"CpuCredits": "standard"},
        PrivateDnsNameOptions={"HostnameType": "resource-name"},
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5, "VolumeType": "gp3", "Throughput": 250}}
        ],
    )["Instances"]
    only = {"InstanceIds": [instance["InstanceId"]]}

    def credits() -> str:
        shown = ec2.describe_instance_credit_specifications(**only)["InstanceCreditSpecifications"]
        return str(shown[0]["CpuCredits"])

    assert credits() == "standard"
    changed = {"InstanceId": instance["InstanceId"], "CpuCredits": "unlimited"}
    ec2.modify_instance_credit_specification(InstanceCreditSpecifications=[changed])
    assert credits() == "unlimited"
    described = ec2.describe_instances(**only)["Reservations"][0]["Instances"][0]
    assert described["PrivateDnsNameOptions"]["HostnameType"] == "resource-name"
    attached = [{"Name": "attachment.instance-id", "Values": only["InstanceIds"]}]
    volumes = ec2.describe_volumes(Filters=attached)["Volumes"]
    assert [(each["Iops"], each["Throughput"]) for each in volumes if each["Size"] == 5] == [(3000, 250)]
    with pytest.raises(ClientError, match="no spot instances of RunInstances"):
        ec2.run_instances(**launch, InstanceMarketOptions={"MarketType": "spot"})
    with pytest.raises(ClientError, match="no ec2:RequestSpotInstances"):
        ec2.request_spot_instances(LaunchSpecification={"ImageId": "ami-12c6146b"})
    ec2.terminate_instances(**only)


def test_an_empty_text_of_a_template_is_no_user_data(client: Client) -> None:
    ec2 = client("ec2")
    ec2.create_launch_template(
        LaunchTemplateName="silent", LaunchTemplateData={"ImageId": "ami-12c6146b", "UserData": ""}
    )
    (instance,) = ec2.run_instances(LaunchTemplate={"LaunchTemplateName": "silent"}, MinCount=1, MaxCount=1)[
        "Instances"
    ]
    shown = ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute="userData")
    assert shown["UserData"] == {}
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])


def test_a_template_gives_no_tags_of_its_own(client: Client) -> None:
    ec2 = client("ec2")
    own, given = ({"ResourceType": kind, "Tags": TAGS} for kind in ("launch-template", "instance"))
    for name, data in (("plain", {}), ("tagging", {"TagSpecifications": [given]})):
        ec2.create_launch_template(
            LaunchTemplateName=name, TagSpecifications=[own], LaunchTemplateData={"ImageId": "ami-1", **data}
        )
        version = ec2.describe_launch_template_versions(LaunchTemplateName=name)["LaunchTemplateVersions"][0]
        assert version["LaunchTemplateData"].get("TagSpecifications", []) == data.get("TagSpecifications", [])
        (template,) = ec2.describe_launch_templates(LaunchTemplateNames=[name])["LaunchTemplates"]
        assert template["Tags"] == TAGS


def test_messages_are_not_decoded(client: Client) -> None:
    with pytest.raises(ClientError, match="the audit log says why"):
        client("sts").decode_authorization_message(EncodedMessage="a")


def test_networks_keep_tags_and_layouts(client: Client) -> None:
    ec2 = client("ec2")
    options = ec2.create_dhcp_options(
        DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}],
        TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": TAGS}],
    )["DhcpOptions"]["DhcpOptionsId"]
    assert ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"][0]["Tags"] == TAGS
    client("s3").create_bucket(Bucket="flows")
    names = ec2.create_flow_logs(
        ResourceIds=[ec2.describe_vpcs()["Vpcs"][0]["VpcId"]],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination="arn:aws:s3:::flows",
        DestinationOptions={"FileFormat": "parquet", "PerHourPartition": True},
    )["FlowLogIds"]
    (log,) = ec2.describe_flow_logs(FlowLogIds=names)["FlowLogs"]
    assert log["DestinationOptions"] == {
        "FileFormat": "parquet",
        "HiveCompatiblePartitions": False,
        "PerHourPartition": True,
    }


def test_a_state_machine_that_is_none_is_not_made(client: Client) -> None:
    states = client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/states"
    good = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
    made = states.create_state_machine(name="checked", definition=good, roleArn=role)["stateMachineArn"]
    for bad in ('{"StartAt": "A"}', "{", good.replace('"StartAt": "A"', '"StartAt": "B"')):
        with pytest.raises(ClientError, match="InvalidDefinition"):
            states.create_state_machine(name="unchecked", definition=bad, roleArn=role)
        with pytest.raises(ClientError, match="InvalidDefinition"):
            states.update_state_machine(stateMachineArn=made, definition=bad)
    states.update_state_machine(stateMachineArn=made, roleArn=f"{role}-2")
    assert states.describe_state_machine(stateMachineArn=made)["definition"] == good


def test_a_table_that_there_is_not_is_not_exported(client: Client) -> None:
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/lost"
    with pytest.raises(ClientError, match="TableNotFoundException"):
        client("dynamodb").export_table_to_point_in_time(TableArn=table, S3Bucket="b")


def test_a_trail_is_asked_for_by_the_short_target_of_other_sdks(client: Client) -> None:
    trails = client("cloudtrail")

    def shorten(request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"].removeprefix("com.amazonaws.cloudtrail.v20131101.")
        request.headers.replace_header("X-Amz-Target", target)

    trails.meta.events.register_first("before-sign.cloudtrail", shorten)
    assert trails.describe_trails()["trailList"] == []
