"""What moto lacks or gets wrong, service by service, as Terraform and the SDKs see it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.localcloud import AUDIT_LOG, lifecycle
from kennel.localcloud.connection import administer
from kennel.localcloud.dispatch import audit_log

from .conftest import ACCOUNT, Client, document, refusal

SERVED = f"arn:aws:iam::{ACCOUNT}:role/control-served"


@pytest.fixture(scope="module", autouse=True)
def served(client: Client) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }
    client("iam").create_role(RoleName="control-served", AssumeRolePolicyDocument=document(trust))


def zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    return content.getvalue()


def test_a_function_keeps_its_queue_and_its_logging(client: Client) -> None:
    lam = client("lambda")
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead"
    lam.create_function(
        FunctionName="keeper",
        Role=SERVED,
        Runtime="python3.12",
        Handler="app.handler",
        Code={"ZipFile": zipped()},
        DeadLetterConfig={"TargetArn": queue},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/kennel/keeper"},
        Publish=True,
    )
    for qualifier in ("$LATEST", "1"):
        configuration = lam.get_function_configuration(FunctionName="keeper", Qualifier=qualifier)
        assert configuration["DeadLetterConfig"] == {"TargetArn": queue}
        assert configuration["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/kennel/keeper"}
    lam.update_function_configuration(FunctionName="keeper", DeadLetterConfig={"TargetArn": ""}, Timeout=9)
    configuration = lam.get_function_configuration(FunctionName="keeper")
    assert ("DeadLetterConfig" in configuration, configuration["Timeout"]) == (False, 9)


def test_provisioned_concurrency_is_of_an_alias_and_within_the_reservation(client: Client) -> None:
    lam = client("lambda")
    lam.create_function(
        FunctionName="ready",
        Role=SERVED,
        Runtime="python3.12",
        Handler="app.handler",
        Code={"ZipFile": zipped()},
        Publish=True,
    )
    lam.create_alias(FunctionName="ready", Name="live", FunctionVersion="1")
    lam.put_function_concurrency(FunctionName="ready", ReservedConcurrentExecutions=2)
    put = lam.put_provisioned_concurrency_config
    live = {"FunctionName": "ready", "Qualifier": "live"}
    with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFoundException"):
        lam.get_provisioned_concurrency_config(**live)
    with pytest.raises(ClientError, match="should not be greater than"):
        put(**live, ProvisionedConcurrentExecutions=3)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        put(FunctionName="ready", Qualifier="$LATEST", ProvisionedConcurrentExecutions=1)
    put(**live, ProvisionedConcurrentExecutions=2)
    config = lam.get_provisioned_concurrency_config(**live)
    assert config["RequestedProvisionedConcurrentExecutions"] == 2
    lam.delete_provisioned_concurrency_config(**live)
    with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFoundException"):
        lam.get_provisioned_concurrency_config(**live)


def test_a_budget_is_updated_tagged_and_keeps_its_subscribers(client: Client) -> None:
    budgets = client("budgets")
    notification = {
        "NotificationType": "ACTUAL",
        "ComparisonOperator": "GREATER_THAN",
        "Threshold": 80.0,
        "ThresholdType": "PERCENTAGE",
    }
    subscribers = [{"SubscriptionType": "EMAIL", "Address": "ada@example.com"}]
    budget = {
        "BudgetName": "monthly",
        "BudgetLimit": {"Amount": "50", "Unit": "USD"},
        "TimeUnit": "MONTHLY",
        "BudgetType": "COST",
    }
    budgets.create_budget(
        AccountId=ACCOUNT,
        Budget=budget,
        NotificationsWithSubscribers=[{"Notification": notification, "Subscribers": subscribers}],
        ResourceTags=[{"Key": "a", "Value": "1"}],
    )
    which = {"AccountId": ACCOUNT, "BudgetName": "monthly"}
    response = budgets.describe_subscribers_for_notification(**which, Notification=notification)
    assert response["Subscribers"] == subscribers
    with pytest.raises(ClientError, match="NotFoundException"):
        budgets.describe_subscribers_for_notification(
            **which, Notification={**notification, "Threshold": 90.0}
        )
    budgets.update_budget(
        AccountId=ACCOUNT, NewBudget={**budget, "BudgetLimit": {"Amount": "75", "Unit": "USD"}}
    )
    assert budgets.describe_budget(**which)["Budget"]["BudgetLimit"]["Amount"] == "75"
    arn = f"arn:aws:budgets::{ACCOUNT}:budget/monthly"
    assert budgets.list_tags_for_resource(ResourceARN=arn)["ResourceTags"] == [{"Key": "a", "Value": "1"}]


def test_scalable_targets_have_tags_and_no_activities_yet(client: Client) -> None:
    scaling = client("application-autoscaling")
    arn = scaling.register_scalable_target(
        ServiceNamespace="dynamodb",
        ResourceId="table/t",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        MinCapacity=1,
        MaxCapacity=2,
        Tags={"a": "1"},
    )["ScalableTargetARN"]
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"a": "1"}
    scaling.tag_resource(ResourceARN=arn, Tags={"b": "2"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2"}
    assert scaling.describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"] == []


def test_a_composite_alarm_is_described_as_one(client: Client) -> None:
    cloudwatch = client("cloudwatch")
    rule = {"AlarmName": "both", "AlarmRule": "ALARM(a) AND ALARM(b)", "AlarmActions": ["arn:x"]}
    with pytest.raises(ClientError, match=r"\[a, b\] in the alarm rule do not exist"):
        cloudwatch.put_composite_alarm(**rule)
    for name in ("a", "b"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="composed",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    cloudwatch.put_composite_alarm(**rule)
    alarms = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])
    assert [(alarm["AlarmName"], alarm["AlarmRule"]) for alarm in alarms["CompositeAlarms"]] == [
        ("both", "ALARM(a) AND ALARM(b)")
    ]


def test_the_deep_learning_images_are_today_s(client: Client) -> None:
    name = "Deep Learning OSS Nvidia Driver AMI GPU PyTorch 2.* (Ubuntu 24.04) ????????"
    images = client("ec2").describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": [name]}])[
        "Images"
    ]
    # Terraform reads the folder: one that AWS has removed is empty.
    folder = "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.12-ubuntu-24.04/latest"
    ssm = client("ssm")
    parameters = ssm.get_parameters_by_path(Path=folder)["Parameters"]
    assert [parameter["Name"] for parameter in parameters] == [f"{folder}/ami-id"]
    assert [image["ImageId"] for image in images] == [parameters[0]["Value"]]
    assert ssm.get_parameters_by_path(Path=folder.replace("2.12", "1.0"))["Parameters"] == []


def test_a_security_group_rule_keeps_its_description_whomever_it_names(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    prefix = ec2.describe_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {**https, "UserIdGroupPairs": [{"GroupId": group, "Description": "a group"}]},
            {**https, "PrefixListIds": [{"PrefixListId": prefix, "Description": "a prefix list"}]},
            {**https, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "a range"}]},
        ],
    )
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    described = {rule.get("Description") for rule in rules["SecurityGroupRules"]}
    assert {"a group", "a prefix list", "a range"} <= described


def test_an_instance_keeps_its_groups_and_its_privacy(client: Client) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="h", Description="h", VpcId=vpc)["GroupId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": False}
    name = ec2.run_instances(
        ImageId="ami-0d1a0000000000001",
        InstanceType="m5.xlarge",
        MinCount=1,
        MaxCount=1,
        NetworkInterfaces=[interface],
    )["Instances"][0]["InstanceId"]
    ec2.monitor_instances(InstanceIds=[name])
    ec2.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": False})
    instance = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
    assert [g["GroupId"] for g in instance["SecurityGroups"]] == [group]
    assert instance["Monitoring"]["State"] == "enabled"
    assert "Association" not in instance["NetworkInterfaces"][0]


def test_a_redrive_policy_is_spelled_without_spaces(client: Client) -> None:
    sqs = client("sqs")
    policy = json.dumps(
        {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:dead", "maxReceiveCount": 3}
    )
    sqs.create_queue(QueueName="dead")
    queue = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["RedrivePolicy"])["Attributes"]
    assert attributes["RedrivePolicy"] == json.dumps(json.loads(policy), separators=(",", ":"))


def test_the_simulator_answers_with_the_evaluation_itself(client: Client) -> None:
    iam = client("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"}
    iam.put_role_policy(RoleName="control-served", PolicyName="p", PolicyDocument=document(statement))
    results = iam.simulate_principal_policy(
        PolicySourceArn=SERVED,
        ActionNames=["s3:GetObject", "s3:PutObject"],
        ResourceArns=["arn:aws:s3:::a/k"],
    )["EvaluationResults"]
    assert [(r["EvalActionName"], r["EvalDecision"]) for r in results] == [
        ("s3:GetObject", "allowed"),
        ("s3:PutObject", "implicitDeny"),
    ]


def test_the_simulator_evaluates_further_policies_and_a_boundary(client: Client) -> None:
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    reading = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
    results = client("iam").simulate_custom_policy(
        PolicyInputList=[document(allow), document(deny)],
        PermissionsBoundaryPolicyInputList=[document(reading)],
        ActionNames=["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
    )["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "explicitDeny", "implicitDeny"]


def test_the_simulated_principal_belongs_to_the_account(client: Client) -> None:
    iam = client("iam")
    own = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}
    policy = document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": own})
    iam.create_user(UserName="control-simulated")
    user = f"arn:aws:iam::{ACCOUNT}:user/control-simulated"
    action = ["s3:GetObject"]
    simulations = [
        iam.simulate_principal_policy(PolicySourceArn=arn, PolicyInputList=[policy], ActionNames=action)
        for arn in (SERVED, user)
    ]
    simulations.append(iam.simulate_custom_policy(PolicyInputList=[policy], ActionNames=action))
    results = [simulation["EvaluationResults"][0]["EvalDecision"] for simulation in simulations]
    assert results == ["allowed"] * 3


def test_a_simulation_is_no_call_by_the_simulated_principal(
    client: Client, service: lifecycle.Status
) -> None:
    client("iam").simulate_principal_policy(PolicySourceArn=SERVED, ActionNames=["s3:ListAllMyBuckets"])
    entries = list(audit_log.read(Path(service.directory) / AUDIT_LOG))
    assert not [entry for entry in entries if entry.principal == SERVED]
    assert entries[-1].action == "iam:SimulatePrincipalPolicy"


def test_the_last_version_of_a_deleted_object_can_be_removed(client: Client) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="kennel-versions")
    s3.put_bucket_versioning(Bucket="kennel-versions", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="kennel-versions", Key="k", Body=b"1")
    s3.delete_object(Bucket="kennel-versions", Key="k")
    versions = s3.list_object_versions(Bucket="kennel-versions")
    for item in [*versions["Versions"], *versions["DeleteMarkers"]]:
        s3.delete_object(Bucket="kennel-versions", Key="k", VersionId=item["VersionId"])
    s3.delete_bucket(Bucket="kennel-versions")


def test_an_alias_of_no_key_is_not_found(client: Client) -> None:
    kms = client("kms")
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/of-no-key")


def test_metrics_that_a_log_line_embeds_are_metrics(client: Client, service: lifecycle.Status) -> None:
    logs, cloudwatch = client("logs"), client("cloudwatch")
    now = float(administer(lifecycle.environment(service), "clock")["time"])  # tests advance the clock
    logs.create_log_group(logGroupName="/kennel/embedded")
    logs.create_log_stream(logGroupName="/kennel/embedded", logStreamName="s")
    metrics = [{"Name": "TotalLatency", "Unit": "Milliseconds"}, {"Name": "Absent"}]
    directive = {"Namespace": "embedded", "Dimensions": [["FunctionName"]], "Metrics": metrics}
    line = {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
        "FunctionName": "f",
        "TotalLatency": [12.5, 7.5],
    }
    damaged: list[str] = [
        json.dumps({**line, "_aws": wrong})
        for wrong in (None, 5, {}, {"Timestamp": "x"}, {"Timestamp": 1e99})
    ]
    damaged += [json.dumps({**line, "TotalLatency": "12"}), '{"_aws": ', '"_aws"', "a line"]
    logs.put_log_events(
        logGroupName="/kennel/embedded",
        logStreamName="s",
        logEvents=[{"timestamp": int(now * 1000), "message": text} for text in [json.dumps(line), *damaged]],
    )
    listed = cloudwatch.list_metrics(Namespace="embedded")["Metrics"]
    assert {metric["MetricName"] for metric in listed} == {"TotalLatency"}
    [point] = cloudwatch.get_metric_statistics(
        Namespace="embedded",
        MetricName="TotalLatency",
        Dimensions=[{"Name": "FunctionName", "Value": "f"}],
        StartTime=now - 120,
        EndTime=now + 120,
        Period=600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]
    assert (point["Sum"], point["SampleCount"], point["Unit"]) == (20.0, 2.0, "Milliseconds")


def test_a_queue_keeps_its_policy_and_what_may_redrive_to_it(client: Client) -> None:
    sqs = client("sqs")
    queue = sqs.create_queue(QueueName="redriven")["QueueUrl"]
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [f"arn:aws:sqs:us-east-1:{ACCOUNT}:source"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
    }
    for attributes in (
        {"Policy": document({**statement, "Resource": "*"})},
        {"RedriveAllowPolicy": json.dumps(allow)},
        {"VisibilityTimeout": "60"},
    ):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["Policy"])["Statement"][0]["Action"] == "sqs:SendMessage"
    assert json.loads(attributes["RedriveAllowPolicy"]) == allow
    assert (attributes["CreatedTimestamp"].isdigit(), attributes["SqsManagedSseEnabled"]) == (True, "true")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    answer = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["SqsManagedSseEnabled"])
    assert answer["Attributes"] == {"SqsManagedSseEnabled": "false"}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedriveAllowPolicy": ""})
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert "RedriveAllowPolicy" not in attributes
    sqs.delete_queue(QueueUrl=queue)


def test_each_alias_has_a_policy_of_its_own(client: Client) -> None:
    lam, arn = client("lambda"), f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:keeper"
    lam.create_alias(FunctionName="keeper", Name="public", FunctionVersion="1")
    permission = {
        "StatementId": "events",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
    }
    lam.add_permission(FunctionName="keeper", **permission)
    lam.add_permission(FunctionName=f"{arn}:public", **permission)
    with pytest.raises(lam.exceptions.ResourceConflictException, match="already exists"):
        lam.add_permission(FunctionName="keeper", Qualifier="public", **permission)

    def resources(**qualifier: str) -> list[str]:
        policy = json.loads(lam.get_policy(FunctionName="keeper", **qualifier)["Policy"])
        return [each["Resource"] for each in policy["Statement"]]

    assert (resources(), resources(Qualifier="public")) == ([arn], [f"{arn}:public"])
    lam.remove_permission(FunctionName="keeper", StatementId="events")
    assert resources(Qualifier="public") == [f"{arn}:public"]
    for qualifier in ({}, {"Qualifier": "1"}):
        with pytest.raises(lam.exceptions.ResourceNotFoundException):
            lam.get_policy(FunctionName="keeper", **qualifier)
        with pytest.raises(lam.exceptions.ResourceNotFoundException, match="not found"):
            lam.remove_permission(FunctionName="keeper", StatementId="events", **qualifier)
    lam.delete_alias(FunctionName="keeper", Name="public")
    lam.create_alias(FunctionName="keeper", Name="public", FunctionVersion="1")
    with pytest.raises(lam.exceptions.ResourceNotFoundException):
        lam.get_policy(FunctionName="keeper", Qualifier="public")


def test_another_account_s_permission_on_a_layer_names_its_root(client: Client) -> None:
    lam = client("lambda")
    lam.publish_layer_version(LayerName="shared", Content={"ZipFile": zipped()})
    key = {"LayerName": "shared", "VersionNumber": 1}
    lam.add_layer_version_permission(
        **key, StatementId="other", Action="lambda:GetLayerVersion", Principal="111111111111"
    )
    (statement,) = json.loads(lam.get_layer_version_policy(**key)["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": "arn:aws:iam::111111111111:root"}
    assert statement["Resource"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:layer:shared:1"
    lam.remove_layer_version_permission(**key, StatementId="other")


def test_a_group_of_schedules_has_the_name_in_its_path(client: Client) -> None:
    scheduler = client("scheduler")
    arn = scheduler.create_schedule_group(Name="nightly")["ScheduleGroupArn"]
    assert arn == f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/nightly"
    assert scheduler.get_schedule_group(Name="nightly")["State"] == "ACTIVE"
    scheduler.delete_schedule_group(Name="nightly")
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule_group(Name="nightly")


def test_a_key_that_is_disabled_or_to_be_deleted_or_for_something_else_does_nothing(client: Client) -> None:
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    secret = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    with pytest.raises(kms.exceptions.InvalidKeyUsageException):
        kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")

    kms.disable_key(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.decrypt(CiphertextBlob=secret)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=secret)["Plaintext"] == b"x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_a_stream_that_would_deliver_nothing_is_refused(client: Client) -> None:
    firehose, destination = client("firehose"), {"RoleARN": SERVED, "BucketARN": "arn:aws:s3:::any"}
    source = {"KinesisStreamARN": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s", "RoleARN": SERVED}
    for refused in (
        {
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": source,
            "S3DestinationConfiguration": destination,
        },
        {"HttpEndpointDestinationConfiguration": {"EndpointConfiguration": {"Url": "https://a.example"}}},
        {"ExtendedS3DestinationConfiguration": {**destination, "ProcessingConfiguration": {"Enabled": True}}},
    ):
        if "HttpEndpointDestinationConfiguration" in refused:
            refused["HttpEndpointDestinationConfiguration"] |= {"S3Configuration": destination}
        with pytest.raises(ClientError, match="The local cloud has no"):
            firehose.create_delivery_stream(DeliveryStreamName="refused", **refused)
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def test_services_that_sign_by_another_name_are_answered_or_refused(client: Client) -> None:
    topic = client("sns").create_topic(Name="tagged", Tags=[{"Key": "team", "Value": "strangers"}])
    tagged = client("resourcegroupstaggingapi").get_resources(
        TagFilters=[{"Key": "team", "Values": ["strangers"]}]
    )["ResourceTagMappingList"]
    assert [each["ResourceARN"] for each in tagged] == [topic["TopicArn"]]
    with pytest.raises(ClientError, match="The local cloud has no bedrock-runtime:Converse"):
        client("bedrock-runtime").converse(modelId="a.model", messages=[])
    with pytest.raises(ClientError, match="no sagemaker-featurestore-runtime:GetRecord"):
        client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName="g", RecordIdentifierValueAsString="1"
        )


def test_a_user_has_no_credentials_of_single_services(client: Client) -> None:
    iam = client("iam")
    iam.create_user(UserName="committer")
    assert iam.list_service_specific_credentials(UserName="committer")["ServiceSpecificCredentials"] == []
    with pytest.raises(ClientError, match="no service here takes them"):
        iam.create_service_specific_credential(UserName="committer", ServiceName="codecommit.amazonaws.com")
    iam.delete_user(UserName="committer")
    with pytest.raises(ClientError, match="NoSuchEntity"):
        iam.list_service_specific_credentials(UserName="committer")


@pytest.mark.parametrize(
    ("definition", "codes"),
    [
        ('{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}', []),
        ('{"StartAt": "A", "States": {"A": {"Type": "Passes", "End": true}}}', ["SCHEMA_VALIDATION_FAILED"]),
        (
            '{"StartAt": "B", "States": {"A": {"Type": "Pass", "Next": "C"}}}',
            ["MISSING_TRANSITION_TARGET"] * 2,
        ),
        ("{", ["INVALID_JSON_DESCRIPTION"]),
    ],
)
def test_a_state_machine_is_checked(client: Client, definition: str, codes: list[str]) -> None:
    answer = client("stepfunctions").validate_state_machine_definition(definition=definition)
    assert answer["result"] == ("FAIL" if codes else "OK")
    assert [each["code"] for each in answer["diagnostics"]] == codes


def test_answers_say_what_becomes_of_a_table(client: Client) -> None:
    dynamodb, name = client("dynamodb"), {"TableName": "statuses"}

    def index(number: int) -> dict[str, Any]:
        key = {"AttributeName": "k", "KeyType": "HASH"}
        return {"IndexName": f"by-{number}", "KeySchema": [key], "Projection": {"ProjectionType": "ALL"}}

    def statuses(table: dict[str, Any]) -> tuple[str, dict[str, str]]:
        indexes = table.get("GlobalSecondaryIndexes") or []
        return table["TableStatus"], {each["IndexName"]: each["IndexStatus"] for each in indexes}

    created = dynamodb.create_table(
        **name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[index(1)],
    )["TableDescription"]
    assert statuses(created) == ("CREATING", {"by-1": "CREATING"})
    assert statuses(dynamodb.describe_table(**name)["Table"]) == ("ACTIVE", {"by-1": "ACTIVE"})
    updated = dynamodb.update_table(**name, GlobalSecondaryIndexUpdates=[{"Create": index(2)}])
    assert statuses(updated["TableDescription"]) == ("UPDATING", {"by-1": "ACTIVE", "by-2": "CREATING"})
    deletion = {"Delete": {"IndexName": "by-1"}}
    updated = dynamodb.update_table(**name, GlobalSecondaryIndexUpdates=[deletion])
    assert statuses(updated["TableDescription"]) == ("UPDATING", {"by-1": "DELETING", "by-2": "ACTIVE"})
    assert statuses(dynamodb.describe_table(**name)["Table"]) == ("ACTIVE", {"by-2": "ACTIVE"})
    backup = dynamodb.create_backup(**name, BackupName="before")["BackupDetails"]["BackupArn"]
    restored = dynamodb.restore_table_from_backup(TargetTableName="restored", BackupArn=backup)
    assert restored["TableDescription"]["TableStatus"] == "CREATING"
    for table in ("statuses", "restored"):
        deleted = dynamodb.delete_table(TableName=table)["TableDescription"]
        assert deleted["TableStatus"] == "DELETING"
        assert refusal(dynamodb.describe_table, TableName=table) == (400, "ResourceNotFoundException")
        assert refusal(dynamodb.delete_table, TableName=table) == (400, "ResourceNotFoundException")
