"""Training on the EC2 host: switched on, told by Systems Manager what to run, followed, switched off."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from kennel.aws import StackError, bundle, joblogs, session, training
from kennel.aws.sdk import Request
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack

Progress = Callable[[str], None]

DOCUMENT = "AWS-RunShellScript"
ONLINE_SECONDS = 600.0  # an instance is there within two minutes; its agent may need some more
OVER = ("Success", "Cancelled", "TimedOut", "Failed")

# What runs on the host. POSIX, because Systems Manager's shell on Ubuntu is dash; and nothing but what AWS's
# Deep Learning AMI brings: its Python has PyTorch and boto3. The two variables are for a host that has its
# Python or its disk elsewhere.
SCRIPT = """\
set -eu
export AWS_DEFAULT_REGION={region}
python="${{KENNEL_PYTHON:-/opt/pytorch/bin/python}}"
home="${{KENNEL_HOME:-/opt/kennel}}"
run="$home/runs/{name}"
mkdir -p "$run"
cd "$run"
"$python" - {bucket} {key} <<'FETCH'
import sys, tarfile
import boto3
boto3.client("s3").download_file(*sys.argv[1:], "kennel.tar.gz")
with tarfile.open("kennel.tar.gz") as bundle:
    bundle.extractall(".", filter="data")
FETCH
rm kennel.tar.gz
exec "$python" -u ec2/train.py --work "$home/work" {arguments}
"""


def train(
    workspace: Workspace,
    stack: Stack,
    request: Request,
    *,
    keep_running: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on the stack's EC2 host, follow it to its end and return its record.

    The instance is switched off afterwards, whatever happened, unless something else runs on it.

    Parameters
    ----------
    request
        As for a training job; of its channels the host reads ``pretrained``.
    keep_running
        Leave the instance on; it still switches itself off when idle.

    Returns
    -------
    dict
        ``job, command, instance, status, metrics, artifact, seconds``; also kept as
        ``training/<job>/record.json``, by which ``package --job`` finds the model.

    Raises
    ------
    StackError
        The data set is absent, the host cannot be reached, or the training failed; the text says why.
    """
    tell = progress or (lambda line: None)
    training.require_dataset(stack, request.dataset)
    began = time.monotonic()
    name = f"{stack['name']}-ec2-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    key = f"source/{name}/kennel.tar.gz"
    bundle.publish(workspace.root, stack, key)
    instance = stack["training_host"]["instance_id"]
    with _switched_on(instance, tell, keep_running=keep_running):
        _wait_until_online(instance, tell)
        script = script_for(stack, request, name, key)
        command = _send(stack, instance, script, request.maximum_seconds, name)
        tell(f"{name}: command {command} on {instance}")
        errors: list[str] = []
        try:
            end = _follow(stack, command, instance, tell, errors)
        except KeyboardInterrupt:
            session.client("ssm").cancel_command(CommandId=command)
            raise
    if end["Status"] != "Success":
        raise StackError(f"training on {instance} {end['Status']}: {_reason(end, errors, request)}")
    record = {
        "job": name,
        "command": command,
        "instance": instance,
        "status": end["Status"],
        "metrics": _metrics(stack, name),
        "artifact": f"s3://{stack['artifact_bucket']}/training/{name}/output/model.tar.gz",
        "seconds": round(time.monotonic() - began, 1),
    }
    session.client("s3").put_object(
        Bucket=stack["artifact_bucket"],
        Key=f"training/{name}/record.json",
        Body=json.dumps(record, indent=2).encode(),
    )
    return record


def script_for(stack: Stack, request: Request, name: str, key: str) -> str:
    """Return the shell script that trains on the host: the same text on AWS and elsewhere."""
    data, models = stack["data_bucket"], stack["artifact_bucket"]
    words = ["--data", f"s3://{data}/datasets/{request.dataset}"]
    words += ["--output", f"s3://{models}/training/{name}/output"]
    if "pretrained" in request.inputs:  # the host's image has no weights, and its network no internet
        words += ["--pretrained-dir", request.inputs["pretrained"]]
    for argument, value in request.arguments.items():
        words += [f"--{argument}", value]
    return SCRIPT.format(
        region=shlex.quote(stack["region"]),
        name=name,
        bucket=shlex.quote(models),
        key=shlex.quote(key),
        arguments=shlex.join(words),
    )


@contextlib.contextmanager
def _switched_on(instance: str, tell: Progress, *, keep_running: bool) -> Iterator[None]:
    """Switch the instance on for the length of a ``with`` block."""
    ec2 = session.client("ec2")
    patience = {"Delay": 3, "MaxAttempts": 200}
    state = _state(instance)
    if state == "stopping":
        tell(f"{instance} is still stopping")
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=patience)
        state = "stopped"
    try:
        if state == "stopped":
            tell(f"starting {instance}")
            ec2.start_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=patience)
        yield
    finally:
        others = [] if keep_running else _running_commands(instance)
        if others:
            tell(f"{instance} stays on: {len(others)} other commands run there")
        elif not keep_running:
            tell(f"stopping {instance}")
            ec2.stop_instances(InstanceIds=[instance])


def _state(instance: str) -> str:
    from botocore.exceptions import ClientError

    try:
        (found,) = session.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        state: str = found["Instances"][0]["State"]["Name"]
    except (ClientError, ValueError):
        state = "gone"
    if state in ("gone", "shutting-down", "terminated"):
        raise StackError(f"the training host {instance} is {state}: run ./kennel stack.apply for a new one")
    return state


def _running_commands(instance: str) -> list[str]:
    sent = session.client("ssm").list_commands(InstanceId=instance, MaxResults=20)["Commands"]
    return [one["CommandId"] for one in sent if one["Status"] in ("Pending", "InProgress")]


def _wait_until_online(instance: str, tell: Progress) -> None:
    deadline = time.monotonic() + ONLINE_SECONDS
    tell(f"waiting for {instance} in Systems Manager")
    while True:
        listed = session.client("ssm").describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [instance]}]
        )["InstanceInformationList"]
        if any(one["PingStatus"] == "Online" for one in listed):
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"{instance} did not register with Systems Manager in {ONLINE_SECONDS / 60:.0f} minutes: "
                "check its role and the network's interface endpoints ssm and ssmmessages"
            )
        time.sleep(min(3.0, ONLINE_SECONDS / 10))


def _send(stack: Stack, instance: str, script: str, seconds: int, name: str) -> str:
    answer = session.client("ssm").send_command(
        DocumentName=DOCUMENT,
        InstanceIds=[instance],
        Comment=name[:100],
        Parameters={"commands": script.splitlines(), "executionTimeout": [str(seconds)]},
        CloudWatchOutputConfig={
            "CloudWatchOutputEnabled": True,
            "CloudWatchLogGroupName": stack["training_host"]["log_group"],
        },
    )
    command: str = answer["Command"]["CommandId"]
    return command


def _follow(stack: Stack, command: str, instance: str, tell: Progress, errors: list[str]) -> dict[str, Any]:
    """Wait for a command's end, telling its lines as they are logged; return its last description."""
    ssm = session.client("ssm")
    seen: dict[str, str] = {}
    started = time.monotonic()

    def read() -> None:
        for line in joblogs.new_lines(stack["training_host"]["log_group"], f"{command}/", seen):
            tell(line)
            if line.startswith("error: "):
                errors.append(line.removeprefix("error: "))

    while True:
        try:
            found: dict[str, Any] = ssm.get_command_invocation(CommandId=command, InstanceId=instance)
        except ssm.exceptions.InvocationDoesNotExist:
            if time.monotonic() - started > 60:  # it appears some seconds after it was sent
                raise
            found = {"Status": "Pending"}
        read()
        if found["Status"] in OVER:
            return found
        # A command that has just begun is asked every second, one that runs for hours every ten.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _reason(end: dict[str, Any], errors: list[str], request: Request) -> str:
    """Return why a command did not succeed: in the script's own words, where it had any."""
    if end["StatusDetails"] == "ExecutionTimedOut":
        return f"it took more than {request.maximum_seconds} s"
    lines = [line for line in end.get("StandardErrorContent", "").splitlines() if line.strip()]
    errors = errors or [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    lines = [line for line in lines if not re.match(r"failed to run commands: exit status", line)]
    return lines[-1] if lines else f"exit code {end.get('ResponseCode')}"


def _metrics(stack: Stack, name: str) -> dict[str, Any]:
    answer = session.client("s3").get_object(
        Bucket=stack["artifact_bucket"], Key=f"training/{name}/output/metrics.json"
    )
    metrics: dict[str, Any] = json.loads(answer["Body"].read())
    return metrics
