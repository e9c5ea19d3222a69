"""EC2 Auto Scaling: groups hold as many instances as they say, by hand, by alarms and by the clock."""

from __future__ import annotations

import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import DrivenClock, Stage

GROUP = {"AutoScalingGroupName": "web"}


class Scaled:
    """A group of instances in two subnets, from the second version of a launch template."""

    def __init__(self, stage: Stage) -> None:
        self.ec2, self.client, iam = stage.client("ec2"), stage.client("autoscaling"), stage.client("iam")
        iam.create_instance_profile(InstanceProfileName="scaled")
        role = stage.role("ec2.amazonaws.com").split("/")[-1]
        iam.add_role_to_instance_profile(InstanceProfileName="scaled", RoleName=role)
        vpc = self.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        places = (("10.9.0.0/24", "us-east-1a"), ("10.9.1.0/24", "us-east-1b"))
        self.subnets = [
            self.ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for block, zone in places
        ]
        script = base64.b64encode(b"#!/bin/bash\n").decode()
        data = {
            "ImageId": "ami-0d1a0000000000004",
            "IamInstanceProfile": {"Name": "scaled"},
            "UserData": script,
        }
        make = self.ec2.create_launch_template
        first = make(LaunchTemplateName="scaled", LaunchTemplateData={**data, "InstanceType": "t3.micro"})
        self.template = first["LaunchTemplate"]["LaunchTemplateId"]
        self.ec2.create_launch_template_version(
            LaunchTemplateId=self.template, LaunchTemplateData={**data, "InstanceType": "t3.large"}
        )
        self.settings = {
            "LaunchTemplate": {"LaunchTemplateId": self.template, "Version": "$Latest"},
            "VPCZoneIdentifier": ",".join(self.subnets),
            **{"MinSize": 1, "MaxSize": 5},
        }
        self.client.create_auto_scaling_group(
            **GROUP,
            **self.settings,
            DesiredCapacity=2,
            DefaultCooldown=0,
            MaxInstanceLifetime=86_400,
            DefaultInstanceWarmup=30,
            Tags=[{"Key": "role", "Value": "web", "PropagateAtLaunch": True}],
        )

    def group(self) -> dict[str, Any]:
        (group,) = self.client.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])[
            "AutoScalingGroups"
        ]
        return dict(group)

    def members(self) -> list[str]:
        return [instance["InstanceId"] for instance in self.group()["Instances"]]

    def refused(self, call: Any, **parameters: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(**parameters)
        return str(caught.value)


@pytest.fixture(scope="module")
def scaled(stage: Stage) -> Scaled:
    return Scaled(stage)


def test_a_group_launches_what_its_template_says_and_keeps_what_it_is_given(scaled: Scaled) -> None:
    group = scaled.group()
    assert [instance["LaunchTemplate"]["Version"] for instance in group["Instances"]] == ["2", "2"]
    reservations = scaled.ec2.describe_instances(InstanceIds=scaled.members())["Reservations"]
    instances = [instance for each in reservations for instance in each["Instances"]]
    assert {instance["InstanceType"] for instance in instances} == {"t3.large"}
    assert Counter(instance["SubnetId"] for instance in instances) == Counter(scaled.subnets)
    assert all("instance-profile/scaled" in instance["IamInstanceProfile"]["Arn"] for instance in instances)
    assert all({"Key": "role", "Value": "web"} in instance["Tags"] for instance in instances)
    expected = {
        "DefaultCooldown": 0,
        "HealthCheckGracePeriod": 0,
        "MaxInstanceLifetime": 86_400,
        "DefaultInstanceWarmup": 30,
    }
    assert {name: group[name] for name in expected} == expected
    changed = {"DefaultCooldown": 20, "TerminationPolicies": ["NewestInstance"], "DefaultInstanceWarmup": 40}
    scaled.client.update_auto_scaling_group(**GROUP, **changed)
    group = scaled.group()
    assert {name: group[name] for name in changed} == changed


def test_instances_that_go_are_replaced_and_each_change_is_an_activity(scaled: Scaled) -> None:
    set_capacity = scaled.client.set_desired_capacity
    assert "is above max value 5" in scaled.refused(set_capacity, **GROUP, DesiredCapacity=6)
    set_capacity(**GROUP, DesiredCapacity=3)
    first, second, third = scaled.members()
    scaled.ec2.terminate_instances(InstanceIds=[first])
    scaled.ec2.stop_instances(InstanceIds=[second])
    scaled.client.set_instance_health(InstanceId=third, HealthStatus="Unhealthy")
    members = scaled.members()
    assert len(members) == 3
    assert not {first, second, third} & set(members)
    set_capacity(**GROUP, DesiredCapacity=2)
    assert scaled.members() == members[:2]  # the newest goes, as its policy says
    done = scaled.client.describe_scaling_activities(**GROUP)["Activities"]
    assert done[0]["Description"] == f"Terminating EC2 instance: {members[2]}"
    assert Counter(each["Description"].split()[0] for each in done) == {"Launching": 6, "Terminating": 4}
    scaled.client.suspend_processes(**GROUP, ScalingProcesses=["Launch"])
    set_capacity(**GROUP, DesiredCapacity=3)
    assert len(scaled.members()) == 2
    scaled.client.resume_processes(**GROUP)
    assert len(scaled.members()) == 3


def test_a_step_policy_acts_on_its_alarm_and_a_simple_policy_waits_for_its_cooldown(
    scaled: Scaled, stage: Stage, driven_clock: DrivenClock
) -> None:
    scaled.client.set_desired_capacity(**GROUP, DesiredCapacity=1)
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10.0, "ScalingAdjustment": 2},
    ]
    put = scaled.client.put_scaling_policy
    common = {**GROUP, "AdjustmentType": "ChangeInCapacity"}
    step = put(**common, PolicyName="step", PolicyType="StepScaling", StepAdjustments=steps)["PolicyARN"]
    simple = put(**common, PolicyName="simple", ScalingAdjustment=1, Cooldown=150)["PolicyARN"]
    cloudwatch = stage.client("cloudwatch")
    for name, policy in (("far", step), ("near", simple)):
        cloudwatch.put_metric_alarm(
            AlarmName=f"asg-{name}",
            Namespace="Queue",
            MetricName=name,
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=5,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[policy],
        )
    (shown,) = scaled.client.describe_policies(**GROUP, PolicyNames=["step"])["ScalingPolicies"]
    assert ([alarm["AlarmName"] for alarm in shown["Alarms"]], shown["StepAdjustments"]) == (
        ["asg-far"],
        steps,
    )
    cloudwatch.put_metric_data(Namespace="Queue", MetricData=[{"MetricName": "far", "Value": 16}])
    driven_clock.advance(60)
    assert len(scaled.members()) == 3
    cause = scaled.client.describe_scaling_activities(**GROUP)["Activities"][0]["Cause"]
    assert "alarm asg-far in state ALARM triggered policy step" in cause
    cloudwatch.delete_alarms(AlarmNames=["asg-far"])
    driven_clock.advance(600)
    scaled.client.set_desired_capacity(**GROUP, DesiredCapacity=1)
    counts = []
    for _ in range(4):
        cloudwatch.put_metric_data(Namespace="Queue", MetricData=[{"MetricName": "near", "Value": 6}])
        driven_clock.advance(60)
        counts.append(len(scaled.members()))
    assert counts == [2, 2, 2, 3]
    cloudwatch.delete_alarms(AlarmNames=["asg-near"])
    for policy in ("step", "simple"):
        scaled.client.delete_policy(**GROUP, PolicyName=policy)
    assert scaled.client.describe_policies(**GROUP)["ScalingPolicies"] == []


def test_a_group_tracks_a_metric_and_the_processors_of_its_instances(
    scaled: Scaled, stage: Stage, driven_clock: DrivenClock
) -> None:
    cloudwatch, put = stage.client("cloudwatch"), scaled.client.put_scaling_policy
    driven_clock.advance(3600)
    scaled.client.set_desired_capacity(**GROUP, DesiredCapacity=1)

    def track(name: str, **specification: Any) -> dict[str, Any]:
        configuration = {"TargetValue": 10.0, **specification}
        kind = {"PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": configuration}
        answer: dict[str, Any] = put(**GROUP, PolicyName=name, EstimatedInstanceWarmup=60, **kind)
        return answer

    def predefined(kind: str) -> dict[str, Any]:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": kind}}

    with pytest.raises(ClientError, match="no tracking of ASGAverageNetworkIn: track ASGAverageCPU"):
        track("network", **predefined("ASGAverageNetworkIn"))
    with pytest.raises(ClientError, match="Exactly one of PredefinedMetricSpecification"):
        track("nothing")
    jobs = {"Namespace": "Queue", "MetricName": "jobs", "Statistic": "Average"}
    alarms = track("jobs", CustomizedMetricSpecification=jobs)["Alarms"]
    assert [alarm["AlarmName"].split("-")[2] for alarm in alarms] == ["AlarmHigh", "AlarmLow"]
    for value, size in ((25, 1), (25, 1), (25, 3), (9.5, 3)):
        cloudwatch.put_metric_data(Namespace="Queue", MetricData=[{"MetricName": "jobs", "Value": value}])
        driven_clock.advance(60)
        assert len(scaled.members()) == size
    track("cpu", **predefined("ASGAverageCPUUtilization"))
    (shown,) = scaled.client.describe_policies(**GROUP, PolicyNames=["cpu"])["ScalingPolicies"]
    assert (shown["Enabled"], shown["TargetTrackingConfiguration"]["DisableScaleIn"]) == (True, False)
    driven_clock.advance(1800)
    assert len(scaled.members()) == 3  # nothing runs on them, but the other policy is not ready to scale in
    scaled.client.delete_policy(**GROUP, PolicyName="jobs")
    driven_clock.advance(300)  # without detailed monitoring instances publish every five minutes
    assert len(scaled.members()) == 1
    scaled.client.delete_policy(**GROUP, PolicyName="cpu")
    assert cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-web-")["MetricAlarms"] == []


def test_scheduled_actions_run_by_the_clock_and_metrics_are_published(
    scaled: Scaled, stage: Stage, driven_clock: DrivenClock
) -> None:
    scaled.client.set_desired_capacity(**GROUP, DesiredCapacity=1)
    scaled.client.enable_metrics_collection(**GROUP, Granularity="1Minute")
    now = datetime.fromtimestamp(driven_clock.advance(0), UTC)
    weekday = (now + timedelta(minutes=9)).isoweekday() % 7
    at = now + timedelta(minutes=9)
    put = scaled.client.put_scheduled_update_group_action
    put(
        **GROUP,
        ScheduledActionName="in",
        Recurrence=f"{at:%M %H} * * {weekday}",
        MinSize=0,
        DesiredCapacity=0,
    )
    put(**GROUP, ScheduledActionName="out", StartTime=now + timedelta(minutes=4), DesiredCapacity=4)
    recurrence = scaled.refused(put, **GROUP, ScheduledActionName="no", Recurrence="0 18 * *", MinSize=0)
    assert "Given recurrence string is invalid" in recurrence
    sizes = []
    for _ in range(3):
        driven_clock.advance(300)
        sizes.append(len(scaled.members()))
    assert sizes == [4, 0, 0]
    (left,) = scaled.client.describe_scheduled_actions(**GROUP)["ScheduledUpdateGroupActions"]
    week = timedelta(days=7)
    assert (left["ScheduledActionName"], left["StartTime"]) == (
        "in",
        at.replace(second=0, microsecond=0) + week,
    )
    values = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/AutoScaling",
        MetricName="GroupInServiceInstances",
        Dimensions=[{"Name": "AutoScalingGroupName", "Value": "web"}],
        StartTime=now,
        EndTime=now + timedelta(minutes=16),
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    assert {point["Maximum"] for point in values} == {0.0, 1.0, 4.0}


def test_a_group_with_instances_is_deleted_by_force_and_what_would_wait_is_refused(scaled: Scaled) -> None:
    client = scaled.client
    hook = {**GROUP, "LifecycleHookName": "h", "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING"}
    assert "no autoscaling:PutLifecycleHook" in scaled.refused(client.put_lifecycle_hook, **hook)
    assert "AlreadyExists" in scaled.refused(client.create_auto_scaling_group, **GROUP, **scaled.settings)
    client.update_auto_scaling_group(**GROUP, DesiredCapacity=2)
    members = scaled.members()
    assert "ResourceInUse" in scaled.refused(client.delete_auto_scaling_group, **GROUP)
    client.delete_auto_scaling_group(**GROUP, ForceDelete=True)
    reservations = scaled.ec2.describe_instances(InstanceIds=members)["Reservations"]
    states = [instance["State"]["Name"] for each in reservations for instance in each["Instances"]]
    assert states == ["terminated", "terminated"]
    (latest, *_) = client.describe_scaling_activities(IncludeDeletedGroups=True)["Activities"]
    assert json.loads(latest["Details"]) == {}
