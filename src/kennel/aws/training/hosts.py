"""Training on the EC2 host: start it, run the script through Systems Manager, wait for its end, stop it."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kennel.aws import Progress, StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.platforms import workbench
from kennel.aws.session import Workspace
from kennel.aws.training import bundle, joblogs, training_jobs
from kennel.aws.training.sdk import TrainingRequest
from kennel.classifier import learned

DOCUMENT = "AWS-RunShellScript"
ONLINE_SECONDS = 600.0  # an instance runs within two minutes; its agent may need some more
FINAL_STATUSES = ("Success", "Cancelled", "TimedOut", "Failed")

# The script that runs on the host. POSIX, because Systems Manager's shell on Ubuntu is dash. It needs only
# what AWS's Deep Learning AMI contains: its Python has PyTorch and boto3. The two variables are for a host
# with another Python or another working directory.
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
    bundle.extraction_filter = getattr(tarfile, "data_filter", None)  # which Python 3.11.2 lacks
    bundle.extractall(".")
FETCH
rm kennel.tar.gz
exec "$python" -u ec2/train.py --work "$home/work" {arguments}
"""


def train(
    workspace: Workspace,
    stack: Stack,
    request: TrainingRequest,
    *,
    keep_running: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on the stack's EC2 host, wait for the end and return the record.

    The instance is stopped afterwards, also after an error, unless another command runs on it.

    Parameters
    ----------
    request
        As for a training job; the host reads its channel ``pretrained`` only.
    keep_running
        Leave the instance running; it still stops itself when idle.

    Returns
    -------
    dict
        ``job, command, instance, status, metrics, learned, artifact, data, seconds``; also kept as
        ``training/<job>/record.json``, by which ``package --job`` finds the model.

    Raises
    ------
    StackError
        The host is switched off or cannot be reached, the data set is absent, or the training failed;
        the text says why.
    """
    report = progress or (lambda line: None)
    instance = workbench(stack, "training_host")["instance_id"]
    training_jobs.require_dataset(stack, request.dataset)
    began = time.monotonic()
    name = f"{stack['name']}-ec2-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    key = f"source/{name}/kennel.tar.gz"
    bundle.publish(workspace.root, stack, key)
    with _running(instance, report, keep_running=keep_running):
        _wait_until_online(instance, report)
        script = script_for(stack, request, name, key)
        command = _send(stack, instance, script, request.maximum_seconds, name)
        report(f"{name}: command {command} on {instance}")
        errors: list[str] = []
        try:
            end = _follow(stack, command, instance, report, errors)
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
        "metrics": _document(stack, name, "metrics.json"),
        "learned": _document(stack, name, learned.FILE),
        "artifact": f"s3://{stack['artifact_bucket']}/training/{name}/output/model.tar.gz",
        "data": f"s3://{stack['data_bucket']}/datasets/{request.dataset}/",
        "seconds": round(time.monotonic() - began, 1),
    }
    session.client("s3").put_object(
        Bucket=stack["artifact_bucket"],
        Key=f"training/{name}/record.json",
        Body=json.dumps(record, indent=2).encode(),
    )
    return record


def record_of(stack: Stack, job: str) -> dict[str, Any] | None:
    """Return the record of a training on the host; None if there is none of this name."""
    s3 = session.client("s3")
    try:
        response = s3.get_object(Bucket=stack["artifact_bucket"], Key=f"training/{job}/record.json")
    except s3.exceptions.NoSuchKey:
        return None
    record: dict[str, Any] = json.loads(response["Body"].read())
    return record


def script_for(stack: Stack, request: TrainingRequest, name: str, key: str) -> str:
    """Return the shell script that trains on the host: the same text on AWS and on the local cloud."""
    data, models = stack["data_bucket"], stack["artifact_bucket"]
    arguments = ["--data", f"s3://{data}/datasets/{request.dataset}"]
    arguments += ["--output", f"s3://{models}/training/{name}/output"]
    if "pretrained" in request.inputs:  # the image has no weights, and the network no internet access
        arguments += ["--pretrained-dir", request.inputs["pretrained"]]
    for option, value in request.arguments.items():
        arguments += [f"--{option}", value]
    return SCRIPT.format(
        region=shlex.quote(stack["region"]),
        name=name,
        bucket=shlex.quote(models),
        key=shlex.quote(key),
        arguments=shlex.join(arguments),
    )


@contextlib.contextmanager
def _running(instance: str, report: Progress, *, keep_running: bool) -> Iterator[None]:
    """Run the instance for the length of a ``with`` block."""
    ec2 = session.client("ec2")
    waiter_config = {"Delay": 3, "MaxAttempts": 200}
    state = state_of(instance)
    if state == "stopping":
        report(f"{instance} is still stopping")
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance], WaiterConfig=waiter_config)
        state = "stopped"
    try:
        if state == "stopped":
            report(f"starting {instance}")
            ec2.start_instances(InstanceIds=[instance])
        ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig=waiter_config)
        yield
    finally:
        others = [] if keep_running else running_commands(instance)
        if others:
            report(f"{instance} stays on: {len(others)} other commands run there")
        elif not keep_running:
            report(f"stopping {instance}")
            ec2.stop_instances(InstanceIds=[instance])


def state_of(instance: str) -> str:
    """Return EC2's state of a host: ``pending``, ``running``, ``stopping`` or ``stopped``.

    Raises
    ------
    StackError
        It is gone.
    """
    from botocore.exceptions import ClientError

    try:
        (reservation,) = session.client("ec2").describe_instances(InstanceIds=[instance])["Reservations"]
        state: str = reservation["Instances"][0]["State"]["Name"]
    except (ClientError, ValueError):
        state = "gone"
    if state in ("gone", "shutting-down", "terminated"):
        raise StackError(f"the training host {instance} is {state}: run ./kennel stack.apply for a new one")
    return state


def running_commands(instance: str) -> list[str]:
    """Return the ids of the commands that run on a host, or are about to: trainings are commands."""
    commands = session.client("ssm").list_commands(InstanceId=instance, MaxResults=20)["Commands"]
    return [command["CommandId"] for command in commands if command["Status"] in ("Pending", "InProgress")]


def _wait_until_online(instance: str, report: Progress) -> None:
    deadline = time.monotonic() + ONLINE_SECONDS
    report(f"waiting for {instance} in Systems Manager")
    while True:
        listed = session.client("ssm").describe_instance_information(
            Filters=[{"Key": "InstanceIds", "Values": [instance]}]
        )["InstanceInformationList"]
        if any(information["PingStatus"] == "Online" for information in listed):
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"{instance} did not register with Systems Manager in {ONLINE_SECONDS / 60:.0f} minutes: "
                "check its role and the network's interface endpoints ssm and ssmmessages"
            )
        time.sleep(min(3.0, ONLINE_SECONDS / 10))


def _send(stack: Stack, instance: str, script: str, seconds: int, name: str) -> str:
    response = session.client("ssm").send_command(
        DocumentName=DOCUMENT,
        InstanceIds=[instance],
        Comment=name[:100],
        Parameters={"commands": script.splitlines(), "executionTimeout": [str(seconds)]},
        CloudWatchOutputConfig={
            "CloudWatchOutputEnabled": True,
            "CloudWatchLogGroupName": stack["training_host"]["log_group"],
        },
    )
    command: str = response["Command"]["CommandId"]
    return command


def _follow(stack: Stack, command: str, instance: str, report: Progress, errors: list[str]) -> dict[str, Any]:
    """Wait for a command's end and report its lines as they are logged; return its last description."""
    ssm = session.client("ssm")
    tokens: dict[str, str] = {}
    started = time.monotonic()

    def read() -> None:
        for line in joblogs.new_lines(stack["training_host"]["log_group"], f"{command}/", tokens):
            report(line)
            if line.startswith("error: "):
                errors.append(line.removeprefix("error: "))

    while True:
        try:
            invocation: dict[str, Any] = ssm.get_command_invocation(CommandId=command, InstanceId=instance)
        except ssm.exceptions.InvocationDoesNotExist:
            if time.monotonic() - started > 60:  # it appears some seconds after it was sent
                raise
            invocation = {"Status": "Pending"}
        read()
        if invocation["Status"] in FINAL_STATUSES:
            return invocation
        # Ask every second at the beginning, every ten seconds in long commands.
        time.sleep(min(10.0, 1.0 + (time.monotonic() - started) / 60))


def _reason(end: dict[str, Any], errors: list[str], request: TrainingRequest) -> str:
    """Return why a command did not succeed: the script's error message, if it printed one."""
    if end["StatusDetails"] == "ExecutionTimedOut":
        return f"it took more than {request.maximum_seconds} s"
    lines = [line for line in end.get("StandardErrorContent", "").splitlines() if line.strip()]
    errors = errors or [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1]
    lines = [line for line in lines if not re.match(r"failed to run commands: exit status", line)]
    return lines[-1] if lines else f"exit code {end.get('ResponseCode')}"


def _document(stack: Stack, name: str, file: str) -> dict[str, Any]:
    response = session.client("s3").get_object(
        Bucket=stack["artifact_bucket"], Key=f"training/{name}/output/{file}"
    )
    document: dict[str, Any] = json.loads(response["Body"].read())
    return document
