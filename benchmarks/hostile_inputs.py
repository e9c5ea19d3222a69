"""Hostile pictures and malformed events through the function and the endpoint of a local cloud.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/hostile_inputs.py`, `--json` for one document. Every
picture of `hostile_pictures` goes to the endpoint and to the function, every event of `malformed_events` to
the function, `--rounds` times. It reports which answers are not JSON or do not have the status that their
input calls for, the slowest answer, and the memory of the model server and of the function before and after
each round; an ordinary photo must have the same answer before and after. The exit code is 1 if an answer is
wrong or takes longer than `--seconds`, or if a process is another one at the end.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import statistics
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import hostile_pictures
import malformed_events
import numpy as np
from botocore.config import Config
from botocore.exceptions import ClientError
from PIL import Image

from kennel.aws.infrastructure import function_package
from kennel.localcloud import REGION, lifecycle
from kennel.serving import staging

ROOT = Path(__file__).resolve().parents[1]
CROP, RESIZE, CLASSES = 224, 256, 133
IMAGE = f"763104351884.dkr.ecr.{REGION}.amazonaws.com/ray:serve-ml-sagemaker-cpu-v1"
NAME, BUCKET = "hostile", "hostile-inputs"
START_SECONDS = 120
SERVICES = ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]


class Answer:
    """What came back for one input."""

    def __init__(self, way: str, name: str, expected: Iterable[int], seconds: float, status: int, body: str):
        self.way, self.name, self.seconds, self.status = way, name, seconds, status
        self.problem = "" if status in expected else f"status {status}: {body[:200]}"
        try:
            if not isinstance(json.loads(body)["error"], str | dict):
                self.problem = f"no error in {body[:200]}"
        except (ValueError, TypeError, KeyError):
            self.problem = f"not a JSON error: {body[:200]}"
        if "Traceback" in body:
            self.problem = f"a traceback: {body[:200]}"


class Stack:
    """An endpoint and a function on a local cloud.

    Parameters
    ----------
    client
        Returns a boto3 client of the operator.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._runtime, self._lambda = client("sagemaker-runtime"), client("lambda")
        self._create(client)

    def _create(self, client: Callable[[str], Any]) -> None:
        service = {"Effect": "Allow", "Principal": {"Service": SERVICES}, "Action": "sts:AssumeRole"}
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        trust, policy = ({"Version": "2012-10-17", "Statement": [part]} for part in (service, everything))
        iam, storage, sagemaker = client("iam"), client("s3"), client("sagemaker")
        role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=NAME, PolicyName=NAME, PolicyDocument=json.dumps(policy))
        storage.create_bucket(Bucket=BUCKET)
        storage.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=archive())
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz"}
        sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=role, PrimaryContainer=container)
        variant = {"VariantName": "v", "ModelName": NAME, "InstanceType": "ml.m5.large"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=NAME, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )
        sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
        with tempfile.TemporaryDirectory() as folder:
            code = function_package.build(ROOT / "lambda" / "predict", Path(folder) / "predict.zip")
            self._lambda.create_function(
                FunctionName=NAME,
                Role=role,
                Runtime="python3.12",
                Handler="app.handler",
                Timeout=30,
                MemorySize=512,
                Code={"ZipFile": code.read_bytes()},
                Environment={"Variables": {"ENDPOINT_NAME": NAME, "INBOX_BUCKET": BUCKET}},
            )
        end = time.monotonic() + START_SECONDS
        while (described := sagemaker.describe_endpoint(EndpointName=NAME))["EndpointStatus"] == "Creating":
            if time.monotonic() > end:
                raise SystemExit(f"the endpoint is not in service after {START_SECONDS} s")
            time.sleep(0.2)
        if described["EndpointStatus"] != "InService":
            raise SystemExit(
                f"the endpoint is {described['EndpointStatus']}: {described.get('FailureReason')}"
            )

    def endpoint(self, content_type: str, content: bytes) -> tuple[int, str]:
        """Send bytes to the endpoint; return the model's status and body."""
        try:
            response = self._runtime.invoke_endpoint(
                EndpointName=NAME, ContentType=content_type, Body=content
            )
        except ClientError as error:
            return error.response.get("OriginalStatusCode", 0), error.response.get(
                "OriginalMessage", str(error)
            )
        return 200, response["Body"].read().decode()

    def function(self, event: Any) -> tuple[int, str]:
        """Invoke the function; return the status and body of its answer, status 0 if it failed."""
        response = self._lambda.invoke(FunctionName=NAME, Payload=json.dumps(event).encode())
        payload = json.loads(response["Payload"].read())
        if "FunctionError" in response:
            return 0, json.dumps(payload)
        return payload["statusCode"], payload["body"]

    def ask_all(self, pictures: Iterable[Any], events: Iterable[Any]) -> list[Answer]:
        """Send pictures both ways, and events, one at a time."""
        answers = []
        for item in pictures:
            image = base64.b64encode(item.content).decode()
            calls: dict[str, Callable[[], tuple[int, str]]] = {
                "endpoint": lambda item=item: self.endpoint(item.content_type, item.content),
                "function": lambda image=image: self.function({"image": image}),
            }
            for way, call in calls.items():
                answers.append(_timed(way, item.name, item.expected, call))
        for event in events:
            answers.append(_timed("event", event.name, event.expected, partial(self.function, event.event)))
        return answers

    def prediction(self) -> tuple[int, str]:
        """Return the function's answer for an ordinary photo."""
        pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
        return self.function({"image": base64.b64encode(buffer.getvalue()).decode()})


def _timed(way: str, name: str, expected: Iterable[int], call: Callable[[], tuple[int, str]]) -> Answer:
    began = time.perf_counter()
    status, body = call()
    return Answer(way, name, expected, time.perf_counter() - began, status, body)


def archive() -> bytes:
    """Return a release whose graph is small: what is measured here ends before it."""
    import openvino
    from openvino import opset13 as operation

    pixels = operation.parameter([1, CROP, CROP, 3], np.uint8, name="pixels")
    means = operation.reduce_mean(
        operation.convert(pixels, "f32"), operation.constant(np.array([1, 2])), False
    )
    weights = np.random.default_rng(0).normal(size=(3, CLASSES)).astype(np.float32)
    logits = operation.matmul(means, operation.constant(weights), False, False)
    names = [f"{number:03d}.Breed_{number}" for number in range(CLASSES)]
    description = {"classes": names, "preprocessing": {"resize": RESIZE, "crop": CROP}}
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as name, tarfile.open(fileobj=buffer, mode="w:gz") as target:
        folder = Path(name)
        openvino.serialize(openvino.Model([logits], [pixels]), str(folder / "graph.xml"))
        (folder / "model.json").write_text(json.dumps(description))
        (folder / "release.json").write_text(json.dumps({"id": "r-000000000000", "runtime": "openvino"}))
        staging.stage(folder)
        target.add(folder, ".")
    return buffer.getvalue()


def processes(service: int) -> dict[str, list[int]]:
    """Return the processes of the function and of the model server, which descend from the local cloud's."""
    children: dict[int, list[int]] = {}
    commands: dict[int, bytes] = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            commands[int(path.name)] = (path / "cmdline").read_bytes()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.name))
    processes: dict[str, list[int]] = {"function": [], "model server": []}
    waiting = [service]
    while waiting:
        for pid in children.get(waiting.pop(), []):
            waiting.append(pid)
            for kind, word in (("function", b"awslambdaric"), ("model server", b"serving_host")):
                if word in commands.get(pid, b"") and b"supervisor" not in commands[pid]:
                    processes[kind].append(pid)
    return processes


def memory(pids: list[int], field: str = "VmRSS") -> float:
    """Return the resident memory of processes in MB; with ``VmHWM``, the highest since `reset_highest`."""
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return round(sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field)), 1)


def reset_highest(pids: list[int]) -> None:
    """Begin anew with the highest memory of processes."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Return what was measured; ``ok`` is whether every answer was right and in time."""
    with tempfile.TemporaryDirectory(prefix="kennel-hostile-") as folder:
        status = lifecycle.up(Path(folder), port=0)
        try:
            os.environ.update(lifecycle.environment(status))
            config = Config(
                s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, read_timeout=70
            )
            stack = Stack(lambda name: boto3.client(name, config=config))
            assert status.pid is not None
            return _measured(stack, status.pid, rounds, seconds)
        finally:
            lifecycle.down(Path(folder))


def _measured(stack: Stack, service: int, rounds: int, seconds: float) -> dict[str, Any]:
    pictures = list(hostile_pictures.inputs())
    events = list(malformed_events.events(f"s3://{BUCKET}/inbox/"))
    usual = stack.prediction()
    pids = processes(service)
    used = {kind: [memory(group)] for kind, group in pids.items()}
    for group in pids.values():
        reset_highest(group)
    answers = []
    for number in range(1, rounds + 1):
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)
        answers += stack.ask_all(pictures, events)
        for kind, group in pids.items():
            used[kind].append(memory(group))
    alike = usual == stack.prediction() and usual[0] == 200
    same = processes(service) == pids and all(pids.values())
    wrong = [f"{answer.way}, {answer.name}: {answer.problem}" for answer in answers if answer.problem]
    slow = [answer.name for answer in answers if answer.seconds > seconds]
    return {
        "ok": bool(not wrong and not slow and alike and same),
        "pictures": len(pictures),
        "events": len(events),
        "rounds": rounds,
        "ways": {
            way: _summary([a for a in answers if a.way == way]) for way in ("endpoint", "function", "event")
        },
        "wrong": wrong,
        "slower_than_limit": slow,
        "usual_photo_answered_alike": alike,
        "same_processes": same,
        "memory_mb": {
            kind: {"before": sizes[0], "after_rounds": sizes[1:], "highest": memory(pids[kind], "VmHWM")}
            for kind, sizes in used.items()
        },
    }


def _summary(answers: list[Answer]) -> dict[str, Any]:
    slowest = max(answers, key=lambda answer: answer.seconds)
    return {
        "answers": len(answers),
        "statuses": dict(sorted(Counter(answer.status for answer in answers).items())),
        "median_ms": round(statistics.median(answer.seconds for answer in answers) * 1000, 1),
        "slowest_ms": round(slowest.seconds * 1000, 1),
        "slowest": slowest.name,
    }


def main() -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often all inputs are sent")
    parser.add_argument("--seconds", type=float, default=2.0, help="within which every answer must come")
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    options = parser.parse_args()
    document = measure(options.rounds, options.seconds)
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        for key, value in document.items():
            lines = value.items() if isinstance(value, dict) else [("", value)]
            print(*(f"{key} {name}: {entry}".replace(" :", ":") for name, entry in lines), sep="\n")
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
