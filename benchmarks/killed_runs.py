"""Whether applies and destroys converge that are killed at random points: the same command is run again.

Run it with `PYTHONPATH=src .venv/bin/python benchmarks/killed_runs.py`. It starts a local cloud of its own,
and takes the whole stack, or with `--small` a stack of 19 resources (`benchmarks/small_stack`). In turn it
kills an apply and a destroy: Terraform or the task (both SIGKILL), or the connection to the local cloud (all
connections are reset, and for some seconds none is accepted). Then the command is run once more. It has
converged if the second run succeeds, a plan is empty after an apply, the cloud holds exactly what it holds
after an operation that was not killed, and none of Terraform's processes is left.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from kennel.aws.infrastructure import operation_record
from kennel.aws.infrastructure.operation_record import OperationRecord
from kennel.localcloud import REGION, lifecycle

ROOT = Path(__file__).resolve().parents[1]
VICTIMS = ("terraform", "task", "connection")
OUTAGES = (0.0, 1.0, 5.0)  # seconds for which no connection is accepted
TRIES = 5  # to hit an operation before it ends
TASK = """
import sys
from pathlib import Path
from kennel.aws.infrastructure import stack
from kennel.aws.session import Workspace

workspace = Workspace("local", Path(sys.argv[2]), Path(sys.argv[3]))
progress = lambda line: print(line, file=sys.stderr, flush=True)
if sys.argv[1] == "plan":
    changes = stack.plan(workspace, progress)
    sys.exit(0 if changes.empty else f"the plan is not empty: {changes.resources}")
getattr(stack, sys.argv[1])(workspace, progress)
"""


class Proxy:
    """A port that forwards to another one, and whose connections can be reset."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self, seconds: float) -> None:
        """Reset all connections, and accept none for a time."""
        if seconds:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`, which holds the port
            self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                # Closing with this option resets the connection.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.shutdown(socket.SHUT_RDWR)
        if seconds:
            time.sleep(seconds)
            self._listener = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, target in ((client, server), (server, client)):
                threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                target.sendall(chunk)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source}
        source.close()


class Bench:
    """A local cloud, a stack on it, and the commands on that stack."""

    def __init__(self, folder: Path, proxy: Proxy, environment: dict[str, str], *, small: bool) -> None:
        self.proxy, self._small = proxy, small
        self.build, self.root = folder / "stack", ROOT
        if small:
            self.root = folder / "root"
            shutil.copytree(ROOT / "benchmarks" / "small_stack", self.root)
            (self.root / "lambda").symlink_to(ROOT / "lambda")
        self.environment = {
            **os.environ,
            **environment,
            "PYTHONPATH": str(ROOT / "src"),
            "KENNEL_ENV": "local",
            "KENNEL_WORKSPACE": str(self.build),
        }
        self.log = folder / "log"

    def start(self, operation: str) -> subprocess.Popen[bytes]:
        """Start an operation; its output goes to the log."""
        if self._small:
            argv = ["-c", TASK, operation, str(self.build), str(self.root)]
        else:
            argv = ["-m", "kennel", f"stack.{operation}", "--env", "local"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", *argv], stdout=log, stderr=log, env=self.environment, cwd=ROOT
            )

    def run(self, operation: str) -> int:
        """Run an operation and return its exit code."""
        return self.start(operation).wait()

    def plan_is_empty(self) -> bool:
        """Return whether a plan has no changes."""
        if self._small:
            return self.run("plan") == 0
        argv = [sys.executable, "-P", "-m", "kennel", "stack.plan", "--env", "local", "--json"]
        with self.log.open("ab") as log:
            planned = subprocess.run(
                argv, stdout=subprocess.PIPE, stderr=log, env=self.environment, cwd=ROOT, check=False
            )
        return planned.returncode == 0 and bool(json.loads(planned.stdout)["empty"])

    def kill(self, operation: str, victim: str, delay: float, outage: float) -> int | None:
        """Start an operation, kill something of it, and return its exit code; None if it ended before."""
        task = self.start(operation)
        deadline = time.monotonic() + delay
        record = None
        while task.poll() is None:
            record = operation_record.read(self.build / "terraform")
            running = record is not None and record.running and record.ended is None
            if time.monotonic() >= deadline and (running or victim == "task"):
                try:
                    self._kill(task, victim, record, outage)
                except ProcessLookupError:
                    continue  # one Terraform has ended, the next is not started yet
                return task.wait()
            time.sleep(0.02)
        return None

    def _kill(
        self, task: subprocess.Popen[bytes], victim: str, record: OperationRecord | None, outage: float
    ) -> None:
        if victim == "connection":
            self.proxy.cut(outage)
        elif victim == "task":
            task.kill()
        elif record is not None and record.pid is not None:
            os.kill(record.pid, signal.SIGKILL)

    def processes(self) -> bool:
        """Return whether a process of the last Terraform is left."""
        record = operation_record.read(self.build / "terraform")
        if record is None or record.pid is None:
            return False
        try:
            os.killpg(record.pid, 0)
        except ProcessLookupError:
            return False
        return True


def inventory(endpoint: str) -> Counter[str]:
    """Return what the cloud holds, as kinds and names; what AWS names by itself is counted by its kind."""

    def client(name: str) -> Any:
        return boto3.client(name, endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))

    ec2, iam, kms, logs = client("ec2"), client("iam"), client("kms"), client("logs")
    sagemaker = client("sagemaker")
    instances = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    buckets = client("s3").list_buckets()["Buckets"]
    return Counter(
        ["vpc"] * len(ec2.describe_vpcs()["Vpcs"])
        + ["subnet"] * len(ec2.describe_subnets()["Subnets"])
        + ["route table"] * len(ec2.describe_route_tables()["RouteTables"])
        + ["security group"] * len(ec2.describe_security_groups()["SecurityGroups"])
        + ["rule"] * len(ec2.describe_security_group_rules()["SecurityGroupRules"])
        + ["vpc endpoint" for item in endpoints if item["State"] != "deleted"]
        + ["flow log"] * len(ec2.describe_flow_logs()["FlowLogs"])
        + ["instance" for item in instances if item["State"]["Name"] != "terminated"]
        + ["key" for key in keys if key["KeyManager"] == "CUSTOMER" and key["KeyState"] == "Enabled"]
        + [alias["AliasName"] for alias in kms.list_aliases()["Aliases"]]
        + [role["Arn"] for role in iam.list_roles()["Roles"]]
        + [profile["Arn"] for profile in iam.list_instance_profiles()["InstanceProfiles"]]
        + [f"bucket {bucket['Name']}" for bucket in buckets]
        + [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
        + [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]]
        + [url.rpartition("/")[2] for url in client("sqs").list_queues().get("QueueUrls", [])]
        + [function["FunctionArn"] for function in client("lambda").list_functions()["Functions"]]
        + [a["AlarmName"] for a in client("cloudwatch").describe_alarms()["MetricAlarms"]]
        + [p["Name"] for p in client("ssm").describe_parameters()["Parameters"]]
        + [n["NotebookInstanceName"] for n in sagemaker.list_notebook_instances()["NotebookInstances"]]
        + [m["ModelName"] for m in sagemaker.list_models()["Models"]]
    )


def differences(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """Return how often each resource is there too often (positive) or too seldom."""
    return {name: after[name] - before[name] for name in before | after if after[name] != before[name]}


def report(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def measure(bench: Bench, endpoint: str, runs: int, chance: random.Random) -> list[dict[str, Any]]:
    """Kill `runs` operations, alternately applies and destroys, and return what came of each."""
    seconds, held = {}, {}
    for operation in ("apply", "destroy"):
        began = time.monotonic()
        if bench.run(operation) != 0:
            raise SystemExit(f"the {operation} failed that was not killed: see {bench.log}")
        seconds[operation], held[operation] = time.monotonic() - began, inventory(endpoint)
        report(f"{operation}, not killed: {seconds[operation]:.0f} s")
    results = []
    for number in range(runs):
        operation, victim = ("apply", "destroy")[number % 2], VICTIMS[number // 2 % len(VICTIMS)]
        result = one(bench, operation, victim, seconds[operation], chance)
        if result is None:
            continue
        result["left_over"] = differences(held[operation], inventory(endpoint))
        empty = operation == "destroy" or bench.plan_is_empty()
        result |= {"plan_empty": empty, "processes_left": bench.processes()}
        result["converged"] = (
            result["exit_code"] == 0 and empty and not result["left_over"] and not result["processes_left"]
        )
        results.append(result)
        report(f"{number + 1} of {runs}: {json.dumps(result)}")
        if not result["converged"]:  # the next operation begins with what the stack should be
            bench.run("apply")
            if operation == "destroy":
                bench.run("destroy")
    return results


def one(
    bench: Bench, operation: str, victim: str, seconds: float, chance: random.Random
) -> dict[str, Any] | None:
    """Kill one operation at a random point and run it again; None if it always ended before."""
    for _ in range(TRIES):
        delay, outage = chance.uniform(0, seconds), chance.choice(OUTAGES)
        began = time.monotonic()
        killed = bench.kill(operation, victim, delay, outage)
        if killed is not None:
            began = time.monotonic()
            code = bench.run(operation)
            return {
                "operation": operation,
                "victim": victim,
                "after_seconds": round(delay, 1),
                **({"outage_seconds": outage} if victim == "connection" else {}),
                "killed_exit_code": killed,
                "exit_code": code,
                "again_seconds": round(time.monotonic() - began, 1),
            }
        seconds = min(seconds, time.monotonic() - began)  # the machine has become faster
        bench.run("destroy" if operation == "apply" else "apply")  # back to where it began
    return None


@contextlib.contextmanager
def prepared(folder: Path, *, small: bool) -> Iterator[tuple[Bench, str]]:
    """Yield the commands of a stack on a new local cloud, and the URL of the cloud itself."""
    status = lifecycle.up(folder / "cloud", port=0)
    try:
        assert status.endpoint_url is not None, "it runs"
        proxy = Proxy(int(status.endpoint_url.rpartition(":")[2]))
        environment = lifecycle.environment(status)
        os.environ.update({**environment, "AWS_DEFAULT_REGION": REGION})
        through = {**environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{proxy.port}"}
        yield Bench(folder, proxy, through, small=small), status.endpoint_url
    finally:
        lifecycle.down(folder / "cloud")


def main() -> int:
    """Print a JSON document with all results; return 1 if something did not converge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="number of killed operations")
    parser.add_argument("--seed", type=int, default=1, help="of the random points")
    parser.add_argument(
        "--small", action="store_true", help="a stack of 19 resources instead of the whole one"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the log and all files, kept afterwards")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311 - points in time, no secrets
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench, endpoint = stack.enter_context(prepared(folder.resolve(), small=arguments.small))
        results = measure(bench, endpoint, arguments.runs, chance)
    converged = sum(result["converged"] for result in results)
    json.dump({"runs": results, "killed": len(results), "converged": converged}, sys.stdout, indent=2)
    return 0 if converged == len(results) >= arguments.runs else 1


if __name__ == "__main__":
    sys.exit(main())
