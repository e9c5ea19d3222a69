"""A whole stack on a local cloud of its own, made once for the tests that run on one worker."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from kennel.aws import artifacts, pipeline, session
from kennel.aws.deployment import deployments
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.changes import Changes
from kennel.aws.release import releases
from kennel.aws.session import Workspace
from kennel.aws.training import sdk, training_jobs
from kennel.classifier.data import DRAWN_MARKER
from kennel.localcloud import lifecycle
from kennel.localcloud.connection import read_status, web_identity_token
from kennel.sample_photos.draw import draw

from . import planted_secrets

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 1200
TERRAFORM = os.environ.get("KENNEL_TERRAFORM") or "terraform"  # with a provider of its own for each command
# Two stacks, with about as much to do each, and the rehearsal's own: three workers wait for Terraform side by
# side. A module that is not named here gets a worker, and so a stack, of its own.
STACKS = {
    "test_killed_apply.py": "training",
    "test_learning.py": "training",
    "test_training_host.py": "training",
    "test_audit.py": "releases",
    "test_documents.py": "releases",
    "test_notebook.py": "releases",
    "test_sleeping.py": "releases",
    "test_two_models.py": "releases",
}
MADE, COPIED = "releases", "training"  # each stack is on a local cloud of its own; the second is a copy


class StackScheduling(LoadScopeScheduling):
    """Gives modules that share a stack to one worker.

    xdist's own `--dist loadgroup` ignores all groups under pytest 9.2 (pytest-xdist issue 1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.split("::")[0].rpartition("/")[2]
        return STACKS.get(module, module)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test here the time that creating a stack takes beside the other checks."""
    for item in items:
        if item.path.parent == Path(__file__).parent and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SECONDS))
    # First on its stack: it also tests that the pipeline's role makes the first deployment.
    items.sort(key=lambda item: item.path.name != "test_two_models.py")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StackScheduling:
    return StackScheduling(config, log)


@dataclass
class Deployed:
    """The stack under test, and the ways to change it."""

    workspace: Workspace
    photo: str
    _outputs: stack.Stack | None = None
    _planned: tuple[Changes, dict[str, Any]] | None = None

    def planned(self) -> tuple[Changes, dict[str, Any]]:
        """Return what a plan of the stack changes, and its document: planned once, in a role that reads."""
        if self._planned is None:
            with self.acting_as("plan"):  # a role without the permission to write anything
                self._planned = stack.plan_with_document(self.workspace)
        return self._planned

    @property
    def stack(self) -> stack.Stack:
        """The stack's outputs, read once after each change."""
        if self._outputs is None:
            self._outputs = stack.outputs(self.workspace)
        return self._outputs

    def train(self, **hyperparameters: object) -> dict:
        """Train on the uploaded photos, without plots."""
        settings = {"arch": "efficientnet_lite0", "plots": "false", **hyperparameters}
        request = sdk.TrainingRequest("tiny", settings)
        return training_jobs.train(self.workspace, self.stack, request)

    def deploy(self, job: str, runtime: str = "openvino") -> str:
        """Package a job's model and deploy it as a pipeline does."""
        release = releases.package(self.workspace, self.stack, job, runtime=runtime)
        with self.acting_as("deploy"):
            deployments.deploy(self.workspace, self.stack, release.id)
        self._outputs = None
        return release.id

    def rollback(self) -> str:
        """Roll back as a pipeline does; return the release that is live then."""
        with self.acting_as("deploy"):
            document = deployments.rollback(self.workspace, self.stack)
        self._outputs = None
        return str(document["release"])

    def acting_as(self, role: str) -> AbstractContextManager[None]:
        """Act in a role of the pipeline, with a token that the local cloud signs."""
        sign = partial(web_identity_token, dict(os.environ))
        return pipeline.acting_as(self.stack, role, sign)


def current_stack() -> str:
    """Return the stack of the test that runs; one of "releases" kills its local cloud and starts it again."""
    module = os.environ["PYTEST_CURRENT_TEST"].split("::")[0].rpartition("/")[2]
    return STACKS.get(module, module)


@pytest.fixture(scope="package")
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, provider_shared: None
) -> Iterator[Deployed]:
    """Yield a stack with a small uploaded data set, and nothing deployed yet."""
    folder = tmp_path_factory.mktemp("cloud")
    before = dict(os.environ)
    planted_secrets.plant()
    handover = Handover(tmp_path_factory.getbasetemp().parent / "stack", request.session.items)
    copied = current_stack() == COPIED and handover.expected
    if copied:
        handover.take(folder)
    status = lifecycle.up(folder / "cloud", port=0, keep=current_stack() == MADE)
    try:
        os.environ.update(lifecycle.environment(status))
        workspace = Workspace("local", folder / "stack")
        if not copied:
            make_stack(workspace, folder / "photos")
        if current_stack() == MADE and handover.expected:
            handover.give(folder)
        yield Deployed(workspace, str(min((folder / "photos" / "test").rglob("*.jpg"))))
    finally:
        lifecycle.down(folder / "cloud")
        os.environ.clear()
        os.environ.update(before)
        session.forget()


def make_stack(workspace: Workspace, photos: Path) -> None:
    """Apply a stack, draw photos and upload them."""
    stack.apply(workspace)
    draw(photos, classes=6, per_class={"train": 4, "valid": 1, "test": 1})
    (photos / DRAWN_MARKER).unlink()  # they stand for photos: int8 is signed off on them
    artifacts.upload_folder(photos, stack.outputs(workspace)["data_bucket"], "datasets/tiny")


@dataclass
class Handover:
    """The stack that one worker made, for another: to apply it twice would test the same twice.

    The copy's local cloud has another port, so the address of the function in Terraform's state is not right
    there. Trainings do not use it.

    Parameters
    ----------
    folder
        What all workers reach.
    items
        All tests of this run.
    """

    folder: Path
    items: list[pytest.Item]
    _parts = ("cloud/state", "cloud/operator-secret", "stack", "photos")

    @property
    def expected(self) -> bool:
        """Whether tests of both stacks run, each in a worker of its own."""
        present = {STACKS.get(item.path.name) for item in self.items}
        return present >= {MADE, COPIED} and int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1

    def give(self, made: Path) -> None:
        """Copy a stack once its local cloud has saved all of it."""
        deadline = time.monotonic() + SECONDS
        while read_status(os.environ)["unsaved_changes"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        draft = self.folder.with_suffix(".draft")
        self._copy(made, draft)
        draft.rename(self.folder)  # whoever waits sees it when it is complete

    def take(self, target: Path) -> None:
        """Wait for the copy, and copy it."""
        deadline = time.monotonic() + SECONDS
        while not self.folder.exists():
            assert time.monotonic() < deadline, "no other worker has made the stack"
            time.sleep(0.2)
        self._copy(self.folder, target)

    def _copy(self, source: Path, target: Path) -> None:
        for part in self._parts:
            place = source / part
            (target / part).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if place.is_dir():
                shutil.copytree(place, target / part, symlinks=True)
            else:
                shutil.copy2(place, target / part)


@pytest.fixture
def client() -> Callable:
    return session.client
