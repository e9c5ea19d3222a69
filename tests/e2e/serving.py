"""The serving part of a stack on a local cloud of its own, with small releases and a client."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kennel.aws import prediction, session
from kennel.aws.deployment import deployment_record, deployments, live_endpoint
from kennel.aws.deployment.deployment_record import DeploymentRecord
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import golden, releases
from kennel.aws.release.releases import Release
from kennel.aws.session import Workspace
from kennel.checks import shared_commands
from kennel.localcloud import lifecycle

ROOT = Path(__file__).resolve().parents[2]
# A model without torch in it: two numbers that depend on the photo's bytes.
APPLICATION = """
import json, os, pathlib
folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
model, release = (json.loads((folder / name).read_text()) for name in ("weights.json", "release.json"))
if "fault" in model: raise RuntimeError(model["fault"])
async def application(scope, receive, send):
    if scope["type"] != "http": raise RuntimeError("no lifespan")
    body = (await receive())["body"]
    logits = [model["weight"] * len(body) / 1000, -model["weight"]]
    attributes = b"release=" + release["id"].encode()
    names = [(b"content-type", b"application/json"), (b"x-amzn-sagemaker-custom-attributes", attributes)]
    await send({"type": "http.response.start", "status": 200, "headers": names})
    await send({"type": "http.response.body", "body": json.dumps([logits]).encode()})
"""
CONFIG = "applications: [{name: a, route_prefix: /, import_path: 'asgi:application'}]"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}
FUNCTION = Stack({"function": {"name": "serving-local-predict", "alias": "live", "log_group": ""}})
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@dataclass(frozen=True)
class Weight:
    """What the model of a release computes, as the code that packages it sees it."""

    weight: float

    def logits(self, photo: bytes) -> list[float]:
        """Return the logits of a photo."""
        return [self.weight * len(photo) / 1000, -self.weight]


@dataclass
class Client:
    """Asks the function for one photo, again and again, and keeps the answers."""

    ask: Callable[[], Any]
    answers: list[Any] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[list[Any]]:
        """Ask until the block ends."""
        done = threading.Event()

        def ask() -> None:
            while not done.wait(0.2):
                self.answers.append(self.ask())

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield self.answers
        finally:
            done.set()
            thread.join()


class Serving:
    """The stack, and what the tests do with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace = folder, Workspace("local", folder / "work", folder / "checkout")
        self.photo = next(golden.patterns())[1]
        self._settings: dict[str, Any] = {
            "retention_days": 7,
            "instance_type": "ml.m5.large",
            "invocations_per_instance": 10_000,  # tests that are not about scaling have far fewer
        }
        self.stack = Stack({})

    def create(self) -> None:
        """Make the checkout, and what is the same in all deployments; then apply."""
        checkout = self.workspace.root
        shutil.copytree(ROOT / "lambda", checkout / "lambda")
        shutil.copytree(ROOT / "tests" / "e2e" / "serving_root", checkout / "terraform", dirs_exist_ok=True)
        (checkout / "terraform" / "modules").symlink_to(ROOT / "terraform" / "modules")
        (checkout / "terraform" / "environments").mkdir()
        iam = session.client("iam")
        role = iam.create_role(RoleName="serving", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        document = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
        iam.put_role_policy(RoleName="serving", PolicyName="all", PolicyDocument=document)
        key = session.client("kms").create_key()["KeyMetadata"]["Arn"]
        session.client("s3").create_bucket(Bucket="serving-artifacts")
        self.set(role_arn=role, key_arn=key, environment="local")
        stack.apply(self.workspace)
        self.stack = stack.outputs(self.workspace)

    def set(self, **settings: Any) -> None:
        """Change settings of the stack."""
        self._settings |= settings
        lines = [f"{name} = {json.dumps(value)}" for name, value in self._settings.items()]
        variables = self.workspace.terraform_directory / "environments" / "local.tfvars"
        variables.write_text("\n".join(lines) + "\n")

    @property
    def record(self) -> DeploymentRecord:
        """What is recorded as deployed."""
        return deployment_record.read(self.stack)

    def release(self, weight: float, *, fault: str = "", packaged: float | None = None) -> Release:
        """Make a release; its model may have a fault, or answer otherwise than when it was packaged."""
        content = self.folder / "content"
        shutil.rmtree(content, ignore_errors=True)
        (content / "code").mkdir(parents=True)
        (content / "code" / "asgi.py").write_text(APPLICATION)
        (content / "config.yaml").write_text(CONFIG)
        described = {"weight": weight} | ({"fault": fault} if fault else {})
        (content / "weights.json").write_text(json.dumps(described))
        (content / "model.json").write_text(json.dumps({"arch": "none", "classes": ["cat", "dog"]}))
        (content / "metrics.json").write_text("{}")
        model = Weight(weight if packaged is None else packaged)
        golden.write(content, model, self.stack, "by-hand", lambda line: None)
        return releases.store(
            self.stack["artifact_bucket"], content, "by-hand", lambda line: None, area=releases.RELEASES
        )

    def deploy(self, release: Release, *, proof_before: bool = False) -> dict[str, Any]:
        """Deploy a release; most tests are about what comes after the proof before traffic."""
        return deployments.deploy(self.workspace, self.stack, release.id, proof_before=proof_before)

    def answer(self) -> tuple[str, list[float]] | str:
        """Return the release that the function names, and its logits for a photo, or what went wrong."""
        event = {"image": base64.b64encode(self.photo).decode()}
        status, headers, body = prediction.invoke_function(FUNCTION, event)
        return (headers[prediction.RELEASE], json.loads(body)[0]) if status == 200 else f"{status}: {body}"

    @contextmanager
    def requests(self) -> Iterator[list[Any]]:
        """Send requests until the block ends; yield the list of their answers."""
        with Client(self.answer).asking() as answers:
            yield answers

    def scale(self, count: int) -> None:
        """Change the number of instances, as a scaling policy does, and wait for them."""
        change = {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
        session.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=self.stack["endpoint"]["name"], DesiredWeightsAndCapacities=[change]
        )
        self.live()

    def instances(self) -> int:
        """Return the number of instances that serve."""
        live = live_endpoint.describe(self.stack)
        assert live is not None
        return live.instances["AllTraffic"]

    def live(self) -> str:
        """Return the name of the configuration that serves."""
        live = live_endpoint.settled(self.stack, lambda line: None)
        assert live is not None
        return live.configuration

    def killed(self, release: Release, at: str, *, proof_before: bool = False) -> None:
        """Deploy in a process that is killed as soon as it calls a function of the package."""
        module, name = at.rsplit(".", 1)
        script = (
            "import importlib, os, pathlib, signal\n"
            "from kennel.aws.deployment import deployments\n"
            "from kennel.aws.infrastructure import stack\n"
            "from kennel.aws.session import Workspace\n"
            f"module = importlib.import_module({module!r})\n"
            f"setattr(module, {name!r}, lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))\n"
            f"path = pathlib.Path({str(self.folder)!r})\n"
            "workspace = Workspace('local', path / 'work', path / 'checkout')\n"
            f"options = dict(proof_before={proof_before})\n"
            f"deployments.deploy(workspace, stack.outputs(workspace), {release.id!r}, **options)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == -9, done.stderr[-2000:]

    def until(self, stage: str, thread: threading.Thread) -> None:
        """Wait until an update that a thread has started reaches a stage."""
        sagemaker, name = session.client("sagemaker"), self.stack["endpoint"]["name"]
        while thread.is_alive():
            pending = sagemaker.describe_endpoint(EndpointName=name).get("PendingDeploymentSummary") or {}
            for variant in pending.get("ProductionVariants", []):
                if stage in [status["Status"] for status in variant.get("VariantStatus", [])]:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the update ended before it was {stage}")


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    """Yield the stack on a local cloud that runs for the block."""
    before = dict(os.environ)
    status = lifecycle.up(folder / "cloud", port=0, keep=False)
    try:
        os.environ.update(lifecycle.environment(status))
        session.forget()
        made = Serving(folder)
        made.workspace.terraform_directory.mkdir(parents=True)
        (folder / "provider").mkdir()
        with shared_commands.variables(
            ROOT, made.workspace.terraform_directory, folder / "provider"
        ) as commands:
            os.environ.update(commands)
            made.create()
            yield made
    finally:
        lifecycle.down(folder / "cloud")
        os.environ.clear()
        os.environ.update(before)
        session.forget()
