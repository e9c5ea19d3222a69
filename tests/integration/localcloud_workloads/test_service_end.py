"""However the service ends, nothing that it started is left, and what served serves again after its start."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from kennel.localcloud import lifecycle
from kennel.localcloud.connection import read_status
from kennel.localcloud.runtime import supervisor
from kennel.localcloud.services.sagemaker.training.job import INTERRUPTED

from .conftest import Stage, eventually, started
from .small_models import Endpoints
from .test_function import APP, Functions
from .test_training import Jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def processes_of(directory: Path) -> dict[int, str]:
    """Return the processes that work in a local cloud's folder, and their supervisors, by command line."""
    commands = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = os.readlink(entry / "cwd")  # noqa: PTH115 - may dangle
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and (where.startswith(str(directory)) or str(directory) in command):
                commands[int(entry.name)] = command
    return commands


def supervisors_of(pid: int) -> list[int]:
    """Return the supervisors that a service has started; a process that saves its state is none."""
    children = [task.read_text().split() for task in Path(f"/proc/{pid}/task").glob("*/children")]
    commands = {int(child): Path(f"/proc/{child}/cmdline") for of_task in children for child in of_task}
    return [child for child, command in commands.items() if _runs(command, supervisor.PROGRAM)]


def _runs(command: Path, program: Path) -> bool:
    try:
        return os.fsencode(program) in command.read_bytes().split(b"\0")
    except OSError:  # it has ended meanwhile
        return False


def test_no_process_is_left_and_what_served_serves_again(tmp_path: Path) -> None:
    stage: Stage = started(tmp_path)
    name, endpoint = Functions(stage).create(APP), Endpoints(stage).serving("x")
    try:
        for ending in ("down", "kill -9"):
            stage = end_and_start(stage, ending, name, endpoint)
    finally:
        lifecycle.down(tmp_path)


def end_and_start(stage: Stage, ending: str, name: str, endpoint: str) -> Stage:
    """End a service with a function, an endpoint and a job; return its next start, with the first two."""
    jobs, endpoints, functions = Jobs(stage), Endpoints(stage), Functions(stage)
    pids = [functions.invoke(name)["Document"]["pid"]]
    # torchrun's workers live in sessions of their own; so does this job's sleeper.
    job = jobs.create(
        "import subprocess, time; print(subprocess.Popen(['sleep', '300'], start_new_session=True).pid);"
        "print('ready'); time.sleep(300)"
    )
    pids.append(endpoints.ask(endpoint)["pid"])
    eventually(lambda: "ready" in jobs.log(job))
    pids += [int(line) for line in jobs.log(job) if line.isdigit()]
    assert len(pids) == 3
    supervisors = supervisors_of(stage.pid)
    assert len(supervisors) == 3
    eventually(lambda: not unsaved_changes(stage))
    if ending == "down":
        lifecycle.down(stage.directory)
    else:
        os.kill(stage.pid, signal.SIGKILL)
    gone = [*pids, *supervisors]
    eventually(lambda: not [pid for pid in gone if _lives(pid)])
    assert eventually(lambda: not processes_of(stage.directory)) is True
    lines: list[str] = []
    again = lifecycle.up(stage.directory, progress=lines.append)
    assert f"coming up again: endpoint {endpoint}" in lines
    assert endpoints.ask(endpoint)["pid"] not in pids
    assert endpoints.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
    assert functions.invoke(name)["Document"]["pid"] not in pids
    interrupted = stage.client("sagemaker").describe_training_job(TrainingJobName=job)
    assert (interrupted["TrainingJobStatus"], interrupted["FailureReason"]) == ("Failed", INTERRUPTED)
    assert "ready" in jobs.log(job)
    assert again.pid is not None
    return Stage(stage.directory, lifecycle.environment(again), again.pid)


def unsaved_changes(stage: Stage) -> bool:
    return bool((read_status(stage.environment) or {"unsaved_changes": True})["unsaved_changes"])


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_function_returns_the_prediction_of_the_endpoints_model(stage: Stage) -> None:
    """Two models, one after the other behind one endpoint, give two answers through one function."""
    endpoints, functions = Endpoints(stage), Functions(stage)
    source = """
import boto3, json, os
client = boto3.client("sagemaker-runtime")
def handler(event, context):
    answer = client.invoke_endpoint(EndpointName=os.environ["ENDPOINT"], Body=b"photo")
    return json.loads(answer["Body"].read())["model"]
"""
    endpoint = endpoints.serving("poodle")
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{endpoint}"
    granted = [{"Effect": "Allow", "Action": "sagemaker:InvokeEndpoint", "Resource": arn}]
    more = {"Environment": {"Variables": {"ENDPOINT": endpoint}}}
    name = functions.create(source, Role=stage.role("lambda.amazonaws.com", granted), **more)
    assert functions.invoke(name)["Document"] == "poodle"
    endpoints.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=endpoints.config("beagle"))
    endpoints.settled(endpoint)
    assert functions.invoke(name)["Document"] == "beagle"
    other = [{**granted[0], "Resource": arn + "-other"}]
    denied = functions.create(source, Role=stage.role("lambda.amazonaws.com", other), **more)
    answer = functions.invoke(denied)
    assert answer["FunctionError"] == "Unhandled"
    assert "not authorized to perform: sagemaker:InvokeEndpoint" in json.dumps(answer["Document"])
