"""Run Command on the local cloud: scripts run on instances with their role's rights, and end as on AWS."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.localcloud.services.ec2.api import DEEP_LEARNING_IMAGES

from .conftest import ANYTHING, Stage, eventually

EC2 = "ec2.amazonaws.com"
FINAL_STATUSES = ("Success", "Failed", "Cancelled", "TimedOut")
AGENT = {
    "Effect": "Allow",
    "Action": [
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:OpenControlChannel",
    ],
    "Resource": "*",
}


class Instance:
    """An instance, and what is sent to it."""

    def __init__(
        self, stage: Stage, statements: list[dict[str, Any]] | None = None, service: str = EC2
    ) -> None:
        self.stage, self.ssm, self.ec2 = stage, stage.client("ssm"), stage.client("ec2")
        self.role = stage.role(service, statements)
        iam, name = stage.client("iam"), f"profile-{uuid.uuid4().hex[:8]}"
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=self.role.split("/")[-1])
        self.id: str = self.ec2.run_instances(
            ImageId=DEEP_LEARNING_IMAGES[0][2],
            InstanceType="m5.xlarge",
            MinCount=1,
            MaxCount=1,
            IamInstanceProfile={"Name": name},
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}],
        )["Instances"][0]["InstanceId"]
        self.name = name

    def online(self) -> bool:
        listed = self.ssm.describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [self.id]}]
        )["InstanceInformationList"]
        return [entry["PingStatus"] for entry in listed] == ["Online"]

    def send(self, *lines: str, parameters: dict[str, list[str]] | None = None, **extra: Any) -> str:
        if "Targets" not in extra:
            extra["InstanceIds"] = [self.id]
        command: str = self.ssm.send_command(
            DocumentName="AWS-RunShellScript",
            Parameters={"commands": list(lines), **(parameters or {})},
            **extra,
        )["Command"]["CommandId"]
        return command

    def describe(self, command: str) -> dict[str, Any]:
        invocation: dict[str, Any] = self.ssm.get_command_invocation(CommandId=command, InstanceId=self.id)
        return invocation

    def end(self, command: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            invocation = self.describe(command)
            return invocation if invocation["Status"] in FINAL_STATUSES else None

        invocation: dict[str, Any] = eventually(ended)
        return invocation

    def run(self, *lines: str, **extra: Any) -> dict[str, Any]:
        return self.end(self.send(*lines, **extra))

    @property
    def disk(self) -> Path:
        return self.stage.directory / "instances" / self.id


@pytest.fixture(scope="module")
def instance(stage: Stage) -> Instance:
    return Instance(stage)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def written(path: Path) -> Callable[[], str]:
    return lambda: path.read_text().strip() if path.exists() else ""


def test_a_script_runs_with_the_roles_rights_in_the_instances_folder(instance: Instance) -> None:
    script = (
        "import boto3, os; print(boto3.client('sts').get_caller_identity()['Arn']); "
        "print(os.getcwd()); print(sorted(n for n in os.environ if n.startswith('KENNEL')))"
    )

    invocation = instance.run("set -eu", f'"$KENNEL_PYTHON" -c "{script}"')

    who, where, settings = invocation["StandardOutputContent"].splitlines()
    role = instance.role.split("/")[-1]
    assert (invocation["Status"], invocation["ResponseCode"]) == ("Success", 0)
    assert who.endswith(f":assumed-role/{role}/{instance.id}")
    assert where == str(instance.disk)
    # Only what replaces the image's defaults; nothing of the service's own environment.
    assert settings == "['KENNEL_HOME', 'KENNEL_PYTHON']"


def test_output_and_errors_are_separate_and_the_exit_code_is_the_scripts(instance: Instance) -> None:
    invocation = instance.run("echo fine", "echo trouble >&2", "exit 3")

    assert (invocation["Status"], invocation["StatusDetails"], invocation["ResponseCode"]) == (
        "Failed",
        "Failed",
        3,
    )
    assert invocation["StandardOutputContent"] == "fine\n"
    assert invocation["StandardErrorContent"] == "trouble\nfailed to run commands: exit status 3"


def test_a_first_line_chooses_the_interpreter(instance: Instance) -> None:
    assert instance.run("#!/usr/bin/env python", "print(6 * 7)")["StandardOutputContent"] == "42\n"


def test_long_output_is_cut_as_the_agent_cuts_it(instance: Instance) -> None:
    content = instance.run("yes 123456789 | head -n 5000")["StandardOutputContent"]

    assert len(content) == 24_000
    assert content.endswith("--output truncated--")
    assert "123456789\n" * 2000 in content


def test_lines_reach_cloudwatch_while_the_script_still_runs(instance: Instance) -> None:
    group, stop = "/tests/instance", instance.disk / "stop"
    command = instance.send(
        "echo first",
        "echo wrong >&2",
        f'while [ ! -e "{stop}" ]; do sleep 0.05; done',
        "echo last",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": group},
    )
    stream = f"{command}/{instance.id}/aws-runShellScript"

    eventually(lambda: instance.stage.log_lines(group, f"{stream}/stdout") == ["first"])
    assert instance.describe(command)["Status"] == "InProgress"
    assert instance.describe(command)["StandardOutputContent"] == ""  # AWS shows it at the end only
    stop.touch()

    assert instance.end(command)["StandardOutputContent"] == "first\nlast\n"
    assert instance.stage.log_lines(group, f"{stream}/stdout") == ["first", "last"]
    assert instance.stage.log_lines(group, f"{stream}/stderr") == ["wrong"]


def test_without_the_right_to_create_the_group_nothing_is_logged(stage: Stage) -> None:
    writing = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    instance, group = Instance(stage, [AGENT, writing]), "/tests/unlogged"
    stage.client("logs").create_log_group(logGroupName=group)

    invocation = instance.run(
        "echo unlogged",
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": group},
    )

    assert invocation["StandardOutputContent"] == "unlogged\n"
    assert stage.log_lines(group) == []


def test_output_goes_to_s3_when_asked(instance: Instance) -> None:
    bucket = instance.stage.bucket()
    command = instance.send("echo kept", OutputS3BucketName=bucket, OutputS3KeyPrefix="runs/")
    instance.end(command)

    key = f"runs/{command}/{instance.id}/awsrunShellScript/0.awsrunShellScript/stdout"
    answer = instance.stage.client("s3").get_object(Bucket=bucket, Key=key)
    assert answer["Body"].read() == b"kept\n"


def test_a_script_that_outlasts_its_time_is_killed_with_all_it_started(instance: Instance) -> None:
    note = instance.disk / "pid"

    invocation = instance.run(
        f"sh -c 'echo $$ > \"{note}\"; exec sleep 300' & sleep 300", parameters={"executionTimeout": ["1"]}
    )

    assert (invocation["Status"], invocation["StatusDetails"]) == ("TimedOut", "ExecutionTimedOut")
    assert invocation["ResponseCode"] == 137
    assert gone(int(written(note)()))


def test_a_cancelled_script_ends(instance: Instance) -> None:
    note = instance.disk / "cancelled-pid"
    command = instance.send(f'echo $$ > "{note}"', "sleep 300")
    pid = int(eventually(written(note)))

    instance.ssm.cancel_command(CommandId=command)

    assert instance.end(command)["Status"] == "Cancelled"
    assert gone(pid)
    listed = instance.ssm.list_commands(CommandId=command)["Commands"]
    assert [(entry["Status"], entry["CompletedCount"]) for entry in listed] == [("Cancelled", 1)]


def test_invocations_are_listed_with_their_plugin(instance: Instance) -> None:
    command = instance.send("echo here", Comment="a test")
    instance.end(command)

    (invocation,) = instance.ssm.list_command_invocations(CommandId=command, Details=True)[
        "CommandInvocations"
    ]

    assert (invocation["InstanceId"], invocation["Comment"]) == (instance.id, "a test")
    (plugin,) = invocation["CommandPlugins"]
    assert (plugin["Name"], plugin["Status"], plugin["Output"]) == (
        "aws:runShellScript",
        "Success",
        "here\n",
    )


@pytest.mark.parametrize("operation", ["stop_instances", "reboot_instances", "terminate_instances"])
def test_switching_an_instance_off_kills_what_runs_on_it(stage: Stage, operation: str) -> None:
    instance = Instance(stage)
    assert instance.online()
    note = instance.disk / "pid"
    command = instance.send(f'echo $$ > "{note}"', "sleep 300")
    pid = int(eventually(written(note)))

    getattr(instance.ec2, operation)(InstanceIds=[instance.id])

    eventually(lambda: gone(pid))
    assert instance.end(command)["Status"] == "Failed"
    assert instance.online() == (operation == "reboot_instances")
    assert instance.disk.exists() == (operation != "terminate_instances")  # a disk outlives a stop


def test_a_stopped_instance_takes_no_command_until_it_is_started(stage: Stage) -> None:
    instance = Instance(stage)
    instance.ec2.stop_instances(InstanceIds=[instance.id])
    with pytest.raises(ClientError, match=r"InvalidInstanceId.*not in a valid state"):
        instance.send("echo unsent")

    instance.ec2.start_instances(InstanceIds=[instance.id])

    eventually(instance.online)
    assert instance.run("echo back")["StandardOutputContent"] == "back\n"


@pytest.mark.parametrize(
    ("statements", "service"),
    [
        pytest.param([], EC2, id="a role without rights"),
        pytest.param([{**AGENT, "Action": "ssm:UpdateInstanceInformation"}], EC2, id="no channel"),
        pytest.param(ANYTHING, "lambda.amazonaws.com", id="a role that EC2 may not assume"),
    ],
)
def test_an_agent_that_may_not_register_stays_offline(
    stage: Stage, statements: list[dict[str, Any]], service: str
) -> None:
    instance = Instance(stage, statements, service)

    assert not instance.online()
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        instance.send("echo unsent")
    denied = [
        entry for entry in stage.audit_log() if entry["decision"] == "deny" and instance.id in str(entry)
    ]
    denied += [e for e in stage.audit_log() if e["decision"] == "deny" and e["resource"] == instance.role]
    assert denied


def test_a_tag_finds_its_instances(instance: Instance) -> None:
    command = instance.send("echo tagged", Targets=[{"Key": "tag:Name", "Values": [instance.name]}])
    assert instance.end(command)["StandardOutputContent"] == "tagged\n"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"DocumentName": "AWS-RunPowerShellScript"}, "InvalidDocument"),
        ({"Parameters": {"commands": ["true"], "shell": ["zsh"]}}, "InvalidParameters.*shell"),
        ({"Parameters": {"commands": ["true"], "executionTimeout": ["soon"]}}, "InvalidParameters.*soon"),
        ({"InstanceIds": ["i-0123456789abcdef0"]}, "InvalidInstanceId"),
    ],
)
def test_what_could_not_run_is_refused(instance: Instance, change: dict[str, Any], error: str) -> None:
    request: dict[str, Any] = {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": [instance.id],
        "Parameters": {"commands": ["true"]},
    }
    with pytest.raises(ClientError, match=error):
        instance.ssm.send_command(**{**request, **change})


def test_unknown_commands_are_unknown(instance: Instance) -> None:
    missing = str(uuid.uuid4())
    with pytest.raises(ClientError, match="InvocationDoesNotExist"):
        instance.describe(missing)
    with pytest.raises(ClientError, match="InvalidCommandId"):
        instance.ssm.cancel_command(CommandId=missing)


def test_sending_needs_the_grant_on_the_document_and_on_the_instance(instance: Instance) -> None:
    import boto3

    document = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"
    instance_arn = f"arn:aws:ec2:us-east-1:123456789012:instance/{instance.id}"

    def ssm(resources: list[str]) -> Any:
        iam, name = instance.stage.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": resources}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.client(
            "ssm",
            endpoint_url=instance.stage.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    def send(resources: list[str]) -> None:
        ssm(resources).send_command(
            DocumentName="AWS-RunShellScript",
            InstanceIds=[instance.id],
            Parameters={"commands": ["true"]},
        )

    for too_little in ([document], [instance_arn]):
        with pytest.raises(ClientError, match="AccessDenied"):
            send(too_little)
    send([document, instance_arn])


def test_nothing_outlives_the_service(tmp_path: Path) -> None:
    from kennel.localcloud import lifecycle

    from .conftest import started

    instance = Instance(started(tmp_path / "cloud"))
    note = instance.disk / "pid"
    instance.send(f'echo $$ > "{note}"', "sleep 300")
    pid = int(eventually(written(note)))

    os.kill(instance.stage.pid, 9)

    deadline = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    lifecycle.down(instance.stage.directory)
    assert gone(pid)
