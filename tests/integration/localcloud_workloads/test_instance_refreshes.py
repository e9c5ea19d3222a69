"""Instance refreshes, notifications and mixed policies of EC2 Auto Scaling groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DrivenClock, Stage

GROUP = {"AutoScalingGroupName": "refreshed"}


class Refreshed:
    """A group of four instances from the first version of a template that has two."""

    def __init__(self, stage: Stage) -> None:
        self.client, self.ec2 = stage.client("autoscaling"), stage.client("ec2")
        self.sns, self.sqs = stage.client("sns"), stage.client("sqs")
        data = {"ImageId": "ami-0d1a0000000000004", "InstanceType": "t3.micro"}
        self.ec2.create_launch_template(LaunchTemplateName="refreshed", LaunchTemplateData=data)
        data["InstanceType"] = "t3.large"
        self.ec2.create_launch_template_version(LaunchTemplateName="refreshed", LaunchTemplateData=data)
        self.client.create_auto_scaling_group(
            **GROUP,
            LaunchTemplate=self.version("1"),
            AvailabilityZones=["us-east-1a"],
            **{"MinSize": 0, "MaxSize": 8, "DesiredCapacity": 4},
        )

    @staticmethod
    def version(number: str) -> dict[str, str]:
        return {"LaunchTemplateName": "refreshed", "Version": number}

    def group(self) -> dict[str, Any]:
        answer = self.client.describe_auto_scaling_groups(AutoScalingGroupNames=["refreshed"])
        return dict(answer["AutoScalingGroups"][0])

    def versions(self) -> list[str]:
        return sorted(each["LaunchTemplate"]["Version"] for each in self.group()["Instances"])

    def start(self, number: str = "", **preferences: Any) -> str:
        desired = {"DesiredConfiguration": {"LaunchTemplate": self.version(number)}} if number else {}
        answer = self.client.start_instance_refresh(**GROUP, **desired, Preferences=preferences)
        return str(answer["InstanceRefreshId"])

    def latest(self) -> dict[str, Any]:
        return dict(self.client.describe_instance_refreshes(**GROUP)["InstanceRefreshes"][0])

    def progress(self) -> tuple[str, int, int]:
        latest = self.latest()
        return latest["Status"], latest["PercentageComplete"], latest["InstancesToUpdate"]


@pytest.fixture
def refreshed(stage: Stage) -> Iterator[Refreshed]:
    group = Refreshed(stage)
    yield group
    group.client.delete_auto_scaling_group(**GROUP, ForceDelete=True)
    group.ec2.delete_launch_template(LaunchTemplateName="refreshed")


def test_instances_are_replaced_batch_by_batch_and_then_the_group_has_the_new_version(
    refreshed: Refreshed, driven_clock: DrivenClock
) -> None:
    name = refreshed.start("2", MinHealthyPercentage=50, InstanceWarmup=120)
    with pytest.raises(ClientError, match="InstanceRefreshInProgress"):
        refreshed.start()
    driven_clock.advance(1)
    assert (refreshed.versions(), refreshed.progress()) == (["1", "1", "2", "2"], ("InProgress", 0, 2))
    assert refreshed.group()["LaunchTemplate"]["Version"] == "1"  # until the refresh has succeeded
    driven_clock.advance(120)
    assert (refreshed.versions(), refreshed.progress()) == (["2"] * 4, ("InProgress", 50, 0))
    driven_clock.advance(120)
    assert refreshed.progress() == ("Successful", 100, 0)
    latest = refreshed.latest()
    assert latest["InstanceRefreshId"] == name
    assert (latest["EndTime"] - latest["StartTime"]).total_seconds() == pytest.approx(240, abs=2)
    assert refreshed.group()["LaunchTemplate"]["Version"] == "2"
    causes = [
        each["Cause"] for each in refreshed.client.describe_scaling_activities(**GROUP)["Activities"][:8]
    ]
    assert all("in response to an instance refresh" in cause for cause in causes)
    members = [each["InstanceId"] for each in refreshed.group()["Instances"]]
    refreshed.start(SkipMatching=True)  # all of them match
    driven_clock.advance(1)
    assert refreshed.progress() == ("Successful", 100, 0)
    assert [each["InstanceId"] for each in refreshed.group()["Instances"]] == members


def test_a_refresh_stops_at_checkpoints_bakes_and_is_cancelled(
    refreshed: Refreshed, driven_clock: DrivenClock
) -> None:
    with pytest.raises(ClientError, match="ActiveInstanceRefreshNotFound"):
        refreshed.client.cancel_instance_refresh(**GROUP)
    refreshed.start("2", InstanceWarmup=0, CheckpointPercentages=[25, 100], CheckpointDelay=600, BakeTime=300)
    driven_clock.advance(1)
    assert (refreshed.versions().count("2"), refreshed.progress()) == (1, ("InProgress", 25, 3))
    driven_clock.advance(600)
    assert (refreshed.versions().count("2"), refreshed.progress()) == (4, ("Baking", 100, 0))
    driven_clock.advance(300)
    assert refreshed.progress() == ("Successful", 100, 0)
    refreshed.start("1", InstanceWarmup=60)  # by default one of four at a time
    driven_clock.advance(1)
    refreshed.client.cancel_instance_refresh(**GROUP)
    assert refreshed.latest()["Status"] == "Cancelling"  # until what was launched is ready
    driven_clock.advance(60)
    assert refreshed.progress() == ("Cancelled", 25, 3)
    assert refreshed.versions() == ["1", "2", "2", "2"]
    assert refreshed.group()["LaunchTemplate"]["Version"] == "2"


def test_a_refresh_waits_an_hour_for_protected_instances_or_ignores_or_replaces_them(
    refreshed: Refreshed, driven_clock: DrivenClock
) -> None:
    protected = refreshed.group()["Instances"][0]["InstanceId"]
    refreshed.client.set_instance_protection(**GROUP, InstanceIds=[protected], ProtectedFromScaleIn=True)
    whole = {"MinHealthyPercentage": 0, "InstanceWarmup": 0}
    refreshed.start("2", **whole)
    driven_clock.advance(3000)
    assert refreshed.progress() == ("InProgress", 75, 1)
    driven_clock.advance(700)
    assert refreshed.progress() == ("Failed", 75, 1)
    refreshed.start("2", **whole, ScaleInProtectedInstances="Ignore")
    driven_clock.advance(1)
    assert (refreshed.latest()["Status"], refreshed.versions().count("1")) == ("Successful", 1)
    refreshed.start("2", **whole, ScaleInProtectedInstances="Refresh")
    driven_clock.advance(1)
    assert (refreshed.latest()["Status"], refreshed.versions().count("1")) == ("Successful", 0)


def test_what_a_refresh_cannot_do_is_refused(refreshed: Refreshed) -> None:
    with pytest.raises(ClientError, match="local cloud has no AutoRollback"):
        refreshed.start("2", AutoRollback=True)
    with pytest.raises(ClientError, match="MaxHealthyPercentage must be"):
        refreshed.start("2", MinHealthyPercentage=50, MaxHealthyPercentage=200)
    with pytest.raises(ClientError, match="no autoscaling:RollbackInstanceRefresh"):
        refreshed.client.rollback_instance_refresh(**GROUP)
    assert refreshed.client.describe_instance_refreshes(**GROUP)["InstanceRefreshes"] == []


def test_topics_are_notified_of_launches_and_terminations(refreshed: Refreshed) -> None:
    sns, sqs, client = refreshed.sns, refreshed.sqs, refreshed.client
    topic = sns.create_topic(Name="scaled")["TopicArn"]
    queue = sqs.create_queue(QueueName="scaled")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def received() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [{"Subject": body["Subject"], **json.loads(body["Message"])} for body in bodies]

    kinds = ["autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_TERMINATE"]
    client.put_notification_configuration(**GROUP, TopicARN=topic, NotificationTypes=kinds)
    (test,) = received()
    assert test["Event"] == "autoscaling:TEST_NOTIFICATION"
    assert test["AutoScalingGroupARN"] == refreshed.group()["AutoScalingGroupARN"]
    described = client.describe_notification_configurations(AutoScalingGroupNames=["refreshed"])
    assert described["NotificationConfigurations"] == [
        {**GROUP, "TopicARN": topic, "NotificationType": kind} for kind in kinds
    ]
    before = {each["InstanceId"] for each in refreshed.group()["Instances"]}
    client.set_desired_capacity(**GROUP, DesiredCapacity=5)
    (launched,) = received()
    (new,) = {each["InstanceId"] for each in refreshed.group()["Instances"]} - before
    expected = {
        "Subject": 'Auto Scaling: launch for group "refreshed"',
        "Service": "AWS Auto Scaling",
        "Event": kinds[0],
        "EC2InstanceId": new,
        "Origin": "EC2",
        "Destination": "AutoScalingGroup",
        "Description": f"Launching a new EC2 instance: {new}",
    }
    assert launched.items() >= expected.items()
    assert launched["Details"]["Availability Zone"] == "us-east-1a"
    client.put_notification_configuration(**GROUP, TopicARN=topic, NotificationTypes=kinds[1:])
    received()
    refreshed.client.terminate_instance_in_auto_scaling_group(
        InstanceId=new, ShouldDecrementDesiredCapacity=False
    )
    (terminated,) = received()  # and nothing of the one that was launched instead
    assert (terminated["Event"], terminated["EC2InstanceId"]) == (kinds[1], new)
    client.delete_notification_configuration(**GROUP, TopicARN=topic)
    client.set_desired_capacity(**GROUP, DesiredCapacity=2)
    assert received() == []
    missing = f"{topic}-missing"
    with pytest.raises(ClientError, match="Unable to publish test message"):
        client.put_notification_configuration(**GROUP, TopicARN=missing, NotificationTypes=kinds)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": topic}
    closed = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=closed)
    with pytest.raises(ClientError, match="explicit deny"):
        client.put_notification_configuration(**GROUP, TopicARN=topic, NotificationTypes=kinds)
    with pytest.raises(ClientError, match="not a valid Notification Type"):
        client.put_notification_configuration(**GROUP, TopicARN=topic, NotificationTypes=["no"])


def test_a_mixed_policy_launches_its_first_override_by_weight(refreshed: Refreshed) -> None:
    client = refreshed.client

    def update(*overrides: dict[str, Any], **distribution: Any) -> None:
        template = {"LaunchTemplateSpecification": refreshed.version("1"), "Overrides": list(overrides)}
        policy = {"LaunchTemplate": template, "InstancesDistribution": distribution}
        client.update_auto_scaling_group(**GROUP, MixedInstancesPolicy=policy)

    large, small = ({"InstanceType": f"c5.{size}"} for size in ("xlarge", "large"))
    client.set_desired_capacity(**GROUP, DesiredCapacity=0)
    update({**large, "WeightedCapacity": "4"}, {**small, "WeightedCapacity": "2"})
    client.set_desired_capacity(**GROUP, DesiredCapacity=8)
    launched = [(each["InstanceType"], each["WeightedCapacity"]) for each in refreshed.group()["Instances"]]
    assert launched == [("c5.xlarge", "4")] * 2
    for refused, overrides, distribution in (
        ("no strategy lowest-price", (large, small), {"OnDemandAllocationStrategy": "lowest-price"}),
        ("no spot instances", (large,), {"OnDemandPercentageAboveBaseCapacity": 50}),
        ("no ImageId in overrides", ({**large, "ImageId": "ami-0d1a0000000000004"},), {}),
        ("Weights must be specified", ({**large, "WeightedCapacity": "4"}, small), {}),
        ("must be from 1 to 999", ({**large, "WeightedCapacity": "1000"},), {}),
    ):
        with pytest.raises(ClientError, match=refused):
            update(*overrides, **distribution)
