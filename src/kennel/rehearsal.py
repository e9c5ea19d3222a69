"""The rehearsal: the whole way from photos to an answered call, on a cloud made for it.

Every step is the function that the task of its name calls; nothing here knows what kind of
cloud it runs on. The cloud comes as an argument, so that this room stays as ignorant of the
local cloud as the rest of the project.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kennel.aws import artifacts, prediction, releases, sdk, session, stack
from kennel.aws import training_jobs as training
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack
from kennel.classifier import pictures
from kennel.classifier.data import folder
from kennel.errors import KennelError
from kennel.sample_photos import draw as sample
from kennel.terminal import Steps

DATASET = "rehearsal"
# Enough for the drawn breeds to be told apart, few enough for two cores.
SAMPLE = {"train": 4, "valid": 1, "test": 1}


class RehearsalError(KennelError):
    """A rehearsal could not begin, or a step of it failed."""


class Cloud(Protocol):
    """Where a rehearsal takes place."""

    @property
    def directory(self) -> Path:
        """Where it keeps its files."""

    def start(self, progress: Callable[[str], None]) -> dict[str, str]:
        """Start it and return the environment variables that point at it."""

    def stop(self) -> None:
        """Stop it and everything that runs in it."""

    def ledger(self) -> list[dict[str, Any]]:
        """Return who called what on which resource, and whether it was allowed."""


@dataclass
class Result:
    """What a rehearsal found out; ``result.json`` holds it."""

    steps: list[dict[str, Any]] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    accuracy: float | None = None
    metrics: dict[str, Any] = field(default_factory=dict)
    release: str | None = None
    resources: int = 0
    plan_empty: bool = False
    destroyed: bool = False
    drawn: bool = False
    kept: bool = False
    photo: str = ""
    seconds: float = 0.0
    error: str | None = None

    @property
    def ok(self) -> bool:
        answered = self.answer is not None and self.answer["statusCode"] == 200
        return self.error is None and answered and self.plan_empty and all(step["ok"] for step in self.steps)


@dataclass
class _Scene:
    """What the steps hand to each other."""

    workspace: Workspace
    cloud: Cloud
    data: Path | None
    photo: str | None
    result: Result
    stack: Stack | None = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def the_stack(self) -> Stack:
        assert self.stack is not None, "the stack is created before it is used"
        return self.stack


def rehearse(
    cloud: Cloud, build: Path, *, photo: str | None = None, data: Path | None = None, keep: bool = False
) -> Result:
    """Run the whole way and write ``result.json``; the cloud is gone afterwards, unless ``keep``.

    Parameters
    ----------
    build
        Folder of this rehearsal's files.
    photo
        The photo to ask about; one of the test photos if not given.
    data
        A folder of photos in the layout ``train|valid|test/NNN.Breed/``; drawn if not given.

    Raises
    ------
    RehearsalError
        Another rehearsal runs, or an argument is unusable. A failing step does not raise: its
        ``ok`` is false and ``error`` says why.
    """
    if photo and not Path(photo).expanduser().is_file():
        raise RehearsalError(f"no photo at {photo}: give a JPEG, PNG or WebP file")
    if photo and (fault := pictures.fault(Path(photo).expanduser())):
        raise RehearsalError(f"{photo} cannot be read: {fault}")
    if data:
        data = folder.read(data).root
    build.mkdir(parents=True, exist_ok=True)
    result = Result(drawn=data is None, kept=keep)
    scene = _Scene(Workspace("local", build / "stack"), cloud, data, photo, result)
    steps = [step for step in STEPS if not (keep and step[0] in ("destroy",))]
    started = time.monotonic()
    with _alone(build / "lock"):
        cloud.stop()  # one that a killed rehearsal left behind
        before = dict(os.environ)
        try:
            _run(scene, steps)
        finally:
            if not keep:
                cloud.stop()
            os.environ.clear()
            os.environ.update(before)
            result.seconds = round(time.monotonic() - started, 1)
            (build / "result.json").write_text(json.dumps(as_dict(result), indent=2) + "\n")
    return result


def as_dict(result: Result) -> dict[str, Any]:
    """Return the document that ``result.json`` holds."""
    return {"ok": result.ok, **vars(result)}


def _run(scene: _Scene, steps: list[tuple[str, Callable[[_Scene, Callable[[str], None]], None]]]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    with Steps([name for name, _ in steps]) as display:
        for name, work in steps:
            began = time.monotonic()
            record = {"name": name, "seconds": 0.0, "ok": False}
            scene.result.steps.append(record)
            try:
                with display.step(name) as tell:
                    work(scene, tell)
                record["ok"] = True
            except (KennelError, ClientError, BotoCoreError, OSError) as error:
                scene.result.error = f"{name}: {error}"
                return
            except KeyboardInterrupt:
                scene.result.error = f"{name}: interrupted"
                raise
            finally:
                record["seconds"] = round(time.monotonic() - began, 2)


def _start_cloud(scene: _Scene, tell: Callable[[str], None]) -> None:
    os.environ.update(scene.cloud.start(tell))


def _find_photos(scene: _Scene, tell: Callable[[str], None]) -> None:
    if scene.data is None:
        # Named by what is drawn, so that an earlier version's photos are never taken for these.
        counts = "-".join(map(str, SAMPLE.values()))
        scene.data = scene.workspace.build.parent / f"photos-{counts}"
        sample.draw(scene.data, per_class=SAMPLE, progress=tell)
    report = folder.check(scene.data, tell)
    if not report.ok:
        raise RehearsalError(f"{scene.data}: {'; '.join(report.errors)}")
    if scene.photo is None:
        scene.photo = str(sorted((scene.data / "test").rglob("*.jpg"))[0])
    scene.result.photo = str(Path(scene.photo).expanduser())


def _create_stack(scene: _Scene, tell: Callable[[str], None]) -> None:
    stack.apply(scene.workspace, tell)
    scene.stack = stack.outputs(scene.workspace)


def _upload(scene: _Scene, tell: Callable[[str], None]) -> None:
    assert scene.data is not None
    artifacts.upload_folder(scene.data, scene.the_stack["data_bucket"], f"datasets/{DATASET}", progress=tell)


def _train(scene: _Scene, tell: Callable[[str], None]) -> None:
    request = sdk.Request(dataset=DATASET, hyperparameters={"arch": "efficientnet_lite0"})
    record = training.train(scene.workspace, scene.the_stack, request, tell)
    scene.result.metrics = record["metrics"]
    scene.result.accuracy = record["metrics"]["test_top1"]


def _package(scene: _Scene, tell: Callable[[str], None]) -> None:
    scene.result.release = releases.package(scene.workspace, scene.the_stack, progress=tell).id


def _deploy(scene: _Scene, tell: Callable[[str], None]) -> None:
    releases.deploy(scene.workspace, scene.the_stack, scene.result.release, tell)
    scene.stack = stack.outputs(scene.workspace)


def _predict(scene: _Scene, tell: Callable[[str], None]) -> None:
    assert scene.photo is not None
    answer = prediction.predict(scene.workspace, scene.the_stack, scene.photo, via="function")
    scene.result.answer = answer.as_dict()
    if answer.status_code != 200:
        raise RehearsalError(f"the function answered {answer.status_code}: {answer.error}")
    if not all(math.isfinite(logit) for logit in answer.logits):
        raise RehearsalError("the answer holds logits that are not finite")


def _plan_again(scene: _Scene, tell: Callable[[str], None]) -> None:
    changes = stack.plan(scene.workspace, tell)
    scene.result.plan_empty = changes.empty
    if not changes.empty:
        raise RehearsalError(f"a second plan is not empty: {', '.join(changes.resources)}")


def _destroy(scene: _Scene, tell: Callable[[str], None]) -> None:
    scene.result.resources = stack.destroy(scene.workspace, tell).remove
    left = _leftovers(scene.the_stack["name"])
    if left:
        raise RehearsalError(f"still there after destroy: {', '.join(left)}")
    scene.result.destroyed = True


def _leftovers(name: str) -> list[str]:
    """Ask AWS itself, not Terraform's state, what of the stack is still there."""
    buckets = session.client("s3").list_buckets()["Buckets"]
    functions = session.client("lambda").list_functions()["Functions"]
    endpoints = session.client("sagemaker").list_endpoints()["Endpoints"]
    notebooks = session.client("sagemaker").list_notebook_instances()["NotebookInstances"]
    roles = session.client("iam").list_roles()["Roles"]
    found = [
        *(bucket["Name"] for bucket in buckets),
        *(function["FunctionName"] for function in functions),
        *(endpoint["EndpointName"] for endpoint in endpoints),
        *(notebook["NotebookInstanceName"] for notebook in notebooks),
        *(role["RoleName"] for role in roles),
    ]
    return [one for one in found if one.startswith(f"{name}-")]


STEPS: list[tuple[str, Callable[[_Scene, Callable[[str], None]], None]]] = [
    ("local cloud", _start_cloud),
    ("photos", _find_photos),
    ("create the stack", _create_stack),
    ("upload", _upload),
    ("train", _train),
    ("package", _package),
    ("deploy", _deploy),
    ("predict", _predict),
    ("plan again", _plan_again),
    ("destroy", _destroy),
]


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold the lock that only one rehearsal of a checkout can hold; it goes with the process."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RehearsalError(
                f"a rehearsal is already running (process {holder}): wait for it, or stop it with Ctrl-C"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
