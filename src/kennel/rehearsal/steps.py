"""The steps of a rehearsal. Every step calls the function that the task of the same name calls.

The cloud is an argument, so that this module does not depend on the local cloud.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from kennel.audit.access import roles as access_roles
from kennel.aws import Progress, artifacts, pipeline, prediction, session
from kennel.aws.deployment import deployments
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.session import Workspace
from kennel.aws.training import modelfile, sdk, training_jobs
from kennel.classifier.data import checking, folder, splitting
from kennel.rehearsal import versions
from kennel.rehearsal.result import RehearsalError, RehearsalResult
from kennel.sample_photos.draw import draw

DATASET = "rehearsal"
# Photos per class: enough to distinguish the drawn breeds, few enough for two cores.
SAMPLE = {"train": 4, "valid": 1, "test": 1}
WARM_CALLS = 8


class RehearsalCloud(Protocol):
    """The cloud on which a rehearsal runs."""

    def start(self, progress: Progress) -> dict[str, str]:
        """Start it and return the environment variables that direct SDKs to it."""

    def stop(self) -> None:
        """Stop it and everything that runs in it."""

    def web_identity_token(self, issuer: str, audience: str, subject: str) -> str:
        """Return a token of an identity provider, as a pipeline's job gets it."""

    def audit_log(self) -> list[dict[str, Any]]:
        """Return who called what on which resource, and whether it was allowed; empty before the start."""

    @property
    def log(self) -> Path:
        """The file of its log."""


@dataclass
class State:
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

    @property
    def records(self) -> Path:
        """Folder for what the training wrote besides the model."""
        return self.workspace.build.parent / "training"


Step = Callable[[State, Progress], None]


def _start_cloud(state: State, report: Progress) -> None:
    os.environ.update(state.cloud.start(report))


def _find_photos(state: State, report: Progress) -> None:
    if state.data is None:
        # The name contains the counts, so that photos of an earlier version are not reused.
        counts = "-".join(map(str, SAMPLE.values()))
        state.data = state.workspace.build.parent / f"photos-{counts}"
        draw(state.data, per_class=SAMPLE, progress=report)
    checking.refuse(checking.check(state.data, report))
    state.data, made = splitting.ready(state.data, state.workspace.build.parent / "splits", report)
    if made:
        report(f"split into {made.directory}")
    if state.photo is None:
        state.photo = str(folder.read(state.data).splits["test"][0].path)
    state.result.photo = str(Path(state.photo).expanduser())
    state.result.data = str(state.data)


def _create_stack(state: State, report: Progress) -> None:
    state.result.plan = stack.apply(state.workspace, report).resources
    state.result.versions |= versions.of_terraform(stack.terraform_of(state.workspace))
    state.stack = stack.outputs(state.workspace)


def _upload(state: State, report: Progress) -> None:
    assert state.data is not None
    artifacts.upload_folder(
        state.data, state.created_stack["data_bucket"], f"datasets/{DATASET}", progress=report
    )


def _train(state: State, report: Progress) -> None:
    request = sdk.TrainingRequest(dataset=DATASET, hyperparameters={"arch": "efficientnet_lite0"})
    record = training_jobs.train(state.workspace, state.created_stack, request, report)
    state.result.metrics = record["metrics"]
    state.result.accuracy = record["metrics"]["test_top1"]
    state.result.learned = record["learned"]
    modelfile.save_records(record["artifact"], state.records)


def _package(state: State, report: Progress) -> None:
    state.result.release = releases.package(state.workspace, state.created_stack, progress=report).id


def _deploy(state: State, report: Progress) -> None:
    with _acting_as(state, "deploy"):
        deployments.deploy(state.workspace, state.created_stack, state.result.release, report)
    state.stack = stack.outputs(state.workspace)


def _acting_as(state: State, role: str) -> AbstractContextManager[None]:
    """Act in a role of the pipeline: a rehearsal proves that its permissions are enough."""
    return pipeline.acting_as(state.created_stack, role, state.cloud.web_identity_token)


def _predict(state: State, report: Progress) -> None:
    response = _call(state)
    state.result.answer = response.as_dict()
    if response.status_code != 200:
        raise RehearsalError(f"the function returned status {response.status_code}: {response.error}")
    if not all(math.isfinite(logit) for logit in response.logits):
        raise RehearsalError("the prediction contains logits that are not finite")
    warm = []
    for number in range(WARM_CALLS):
        report(f"call {number + 2} of {WARM_CALLS + 1}, for the latency")
        warm.append(round(_call(state).seconds, 4))
    state.result.latency = {"first": round(response.seconds, 4), "warm": warm}


def _call(state: State) -> prediction.PhotoPrediction:
    assert state.photo is not None
    return prediction.predict(state.workspace, state.created_stack, state.photo, via="function")


def _plan_again(state: State, report: Progress) -> None:
    with _acting_as(state, "plan"):
        changes = stack.plan(state.workspace, report)
    state.result.plan_empty = changes.empty
    if not changes.empty:
        raise RehearsalError(f"a second plan is not empty: {', '.join(changes.resources)}")


def _destroy(state: State, report: Progress) -> None:
    # For audit.access, which compares them with the audit log beside them.
    access_roles.save(state.cloud.log.parent / access_roles.FILE, access_roles.fetch(session.client("iam")))
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
