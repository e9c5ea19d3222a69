"""The rehearsal: the whole way from photos to a prediction, on a cloud created for it.

Every step calls the function that the task of the same name calls. The cloud is an argument, so that this
module does not depend on the local cloud.
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

from kennel.aws import Progress, artifacts, prediction, releases, sdk, session, stack, training_jobs
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack
from kennel.classifier import pictures
from kennel.classifier.data import folder
from kennel.errors import KennelError
from kennel.sample_photos.draw import draw
from kennel.terminal import Steps

DATASET = "rehearsal"
# Photos per class: enough to distinguish the drawn breeds, few enough for two cores.
SAMPLE = {"train": 4, "valid": 1, "test": 1}


class RehearsalError(KennelError):
    """A rehearsal could not start, or one of its steps failed."""


class RehearsalCloud(Protocol):
    """The cloud on which a rehearsal runs."""

    def start(self, progress: Progress) -> dict[str, str]:
        """Start it and return the environment variables that direct SDKs to it."""

    def stop(self) -> None:
        """Stop it and everything that runs in it."""


@dataclass
class RehearsalResult:
    """The result of a rehearsal: the content of ``result.json``."""

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
        """Whether all steps succeeded, the prediction included."""
        answered = self.answer is not None and self.answer["statusCode"] == 200
        return self.error is None and answered and self.plan_empty and all(step["ok"] for step in self.steps)


@dataclass
class _State:
    """The state that the steps share."""

    workspace: Workspace
    cloud: RehearsalCloud
    data: Path | None
    photo: str | None
    result: RehearsalResult
    stack: Stack | None = None

    @property
    def created_stack(self) -> Stack:
        """The stack, for the steps after its creation."""
        assert self.stack is not None, "the stack is created before it is used"
        return self.stack


Step = Callable[[_State, Progress], None]


def rehearse(
    cloud: RehearsalCloud,
    build: Path,
    *,
    photo: str | None = None,
    data: Path | None = None,
    keep: bool = False,
) -> RehearsalResult:
    """Run all steps and write ``result.json``; stop the cloud afterwards, unless ``keep``.

    Parameters
    ----------
    build
        Folder of the rehearsal's files.
    photo
        The photo to predict; a test photo if None.
    data
        A folder of photos in the layout ``train|valid|test/NNN.Breed/``; drawn if None.
    keep
        Leave the cloud and the stack running.

    Raises
    ------
    RehearsalError
        Another rehearsal is running, or an argument is invalid. A failing step does not raise: its
        ``ok`` is false, and ``error`` has the reason.
    """
    if photo and not Path(photo).expanduser().is_file():
        raise RehearsalError(f"no photo at {photo}: give a JPEG, PNG or WebP file")
    if photo and (fault := pictures.fault(Path(photo).expanduser())):
        raise RehearsalError(f"{photo} cannot be read: {fault}")
    if data:
        data = folder.read(data).root
    build.mkdir(parents=True, exist_ok=True)
    result = RehearsalResult(drawn=data is None, kept=keep)
    state = _State(Workspace("local", build / "stack"), cloud, data, photo, result)
    steps = [step for step in STEPS if not (keep and step[0] == "destroy")]
    started = time.monotonic()
    with _exclusive(build / "lock"):
        cloud.stop()  # a cloud that a killed rehearsal left running
        before = dict(os.environ)
        try:
            _run(state, steps)
        finally:
            if not keep:
                cloud.stop()
            os.environ.clear()
            os.environ.update(before)
            result.seconds = round(time.monotonic() - started, 1)
            (build / "result.json").write_text(json.dumps(as_dict(result), indent=2) + "\n")
    return result


def as_dict(result: RehearsalResult) -> dict[str, Any]:
    """Return the document for ``result.json``."""
    return {"ok": result.ok, **vars(result)}


def _run(state: _State, steps: list[tuple[str, Step]]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    with Steps([name for name, _ in steps]) as display:
        for name, work in steps:
            step_started = time.monotonic()
            record = {"name": name, "seconds": 0.0, "ok": False}
            state.result.steps.append(record)
            try:
                with display.step(name) as report:
                    work(state, report)
                record["ok"] = True
            except (KennelError, ClientError, BotoCoreError, OSError) as error:
                state.result.error = f"{name}: {error}"
                return
            except KeyboardInterrupt:
                state.result.error = f"{name}: interrupted"
                raise
            finally:
                record["seconds"] = round(time.monotonic() - step_started, 2)


def _start_cloud(state: _State, report: Progress) -> None:
    os.environ.update(state.cloud.start(report))


def _find_photos(state: _State, report: Progress) -> None:
    if state.data is None:
        # The name contains the counts, so that photos of an earlier version are not reused.
        counts = "-".join(map(str, SAMPLE.values()))
        state.data = state.workspace.build.parent / f"photos-{counts}"
        draw(state.data, per_class=SAMPLE, progress=report)
    check = folder.check(state.data, report)
    if not check.ok:
        raise RehearsalError(f"{state.data}: {'; '.join(check.errors)}")
    if state.photo is None:
        state.photo = str(sorted((state.data / "test").rglob("*.jpg"))[0])
    state.result.photo = str(Path(state.photo).expanduser())


def _create_stack(state: _State, report: Progress) -> None:
    stack.apply(state.workspace, report)
    state.stack = stack.outputs(state.workspace)


def _upload(state: _State, report: Progress) -> None:
    assert state.data is not None
    artifacts.upload_folder(
        state.data, state.created_stack["data_bucket"], f"datasets/{DATASET}", progress=report
    )


def _train(state: _State, report: Progress) -> None:
    request = sdk.TrainingRequest(dataset=DATASET, hyperparameters={"arch": "efficientnet_lite0"})
    record = training_jobs.train(state.workspace, state.created_stack, request, report)
    state.result.metrics = record["metrics"]
    state.result.accuracy = record["metrics"]["test_top1"]


def _package(state: _State, report: Progress) -> None:
    state.result.release = releases.package(state.workspace, state.created_stack, progress=report).id


def _deploy(state: _State, report: Progress) -> None:
    releases.deploy(state.workspace, state.created_stack, state.result.release, report)
    state.stack = stack.outputs(state.workspace)


def _predict(state: _State, report: Progress) -> None:
    assert state.photo is not None
    response = prediction.predict(state.workspace, state.created_stack, state.photo, via="function")
    state.result.answer = response.as_dict()
    if response.status_code != 200:
        raise RehearsalError(f"the function returned status {response.status_code}: {response.error}")
    if not all(math.isfinite(logit) for logit in response.logits):
        raise RehearsalError("the prediction contains logits that are not finite")


def _plan_again(state: _State, report: Progress) -> None:
    changes = stack.plan(state.workspace, report)
    state.result.plan_empty = changes.empty
    if not changes.empty:
        raise RehearsalError(f"a second plan is not empty: {', '.join(changes.resources)}")


def _destroy(state: _State, report: Progress) -> None:
    state.result.resources = stack.destroy(state.workspace, report).remove
    remaining = _leftovers(state.created_stack["name"])
    if remaining:
        raise RehearsalError(f"not destroyed: {', '.join(remaining)}")
    state.result.destroyed = True


def _leftovers(name: str) -> list[str]:
    """Return what remains of the stack according to AWS itself, not to Terraform's state."""
    buckets = session.client("s3").list_buckets()["Buckets"]
    functions = session.client("lambda").list_functions()["Functions"]
    endpoints = session.client("sagemaker").list_endpoints()["Endpoints"]
    notebooks = session.client("sagemaker").list_notebook_instances()["NotebookInstances"]
    roles = session.client("iam").list_roles()["Roles"]
    names = [
        *(bucket["Name"] for bucket in buckets),
        *(function["FunctionName"] for function in functions),
        *(endpoint["EndpointName"] for endpoint in endpoints),
        *(notebook["NotebookInstanceName"] for notebook in notebooks),
        *(role["RoleName"] for role in roles),
    ]
    return [existing for existing in names if existing.startswith(f"{name}-")]


STEPS: list[tuple[str, Step]] = [
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
def _exclusive(lock: Path) -> Iterator[None]:
    """Hold the lock that allows one rehearsal per checkout; the end of the process releases it."""
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
