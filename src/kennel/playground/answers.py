"""Answers for the playground's photos: by what is deployed, or by whatever else classifies bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kennel.aws import prediction, session
from kennel.aws.deployment import deployment_record
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.classifier import learned
from kennel.errors import KennelError
from kennel.folders import HeldFolder
from kennel.playground import PlaygroundError

TOP = 5


@dataclass(frozen=True)
class Answer:
    """The answer for one photo.

    Parameters
    ----------
    top
        ``[{"breed", "class", "probability"}, …]``, most probable first; empty if there is an error.
    error
        Why there is no prediction.
    note
        What was changed of the photo before it was sent.
    learned
        What the model learnt from, and what was known before.
    seconds
        Duration of the call alone.
    served_by
        What is known of what answered: names and values, in the order in which they are shown.
    """

    top: list[dict[str, Any]]
    error: str | None = None
    note: str = ""
    learned: str = ""
    seconds: float | None = None
    served_by: dict[str, str] = field(default_factory=dict)


Classify = Callable[[bytes], Answer]


class DeployedClassifier:
    """Answers through the deployed function, the endpoint, or the deployed release on this machine."""

    def __init__(self, workspace: Workspace, via: str) -> None:
        self.workspace, self.via = workspace, via
        self._stack = stack.outputs(workspace)
        self._lock = threading.Lock()
        if not self._stack["endpoint"]["release_id"]:
            raise PlaygroundError("no release is deployed: run ./kennel deploy")

    def __call__(self, photo: bytes) -> Answer:
        """Return the answer for a photo's bytes.

        Raises
        ------
        KennelError
            The photo cannot be sent, or the call failed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        notes: list[str] = []
        with HeldFolder() as folder:
            path = folder / "photo"
            path.write_bytes(photo)
            try:
                stack_ = self._current_stack()
                response = prediction.predict(
                    self.workspace, stack_, str(path), via=self.via, top=TOP, progress=notes.append
                )
            except KennelError as error:
                raise PlaygroundError(str(error).replace(str(path), "the photo")) from error
            except (ClientError, BotoCoreError) as error:
                raise PlaygroundError(f"{self.via} could not be called: {error}") from error
        return Answer(
            top=response.top,
            error=self._refusal(response),
            note=" ".join(notes).replace(str(path), "the photo"),
            learned=f"The model {learned.sentence(response.learned)}." if response.learned else "",
            seconds=response.seconds,
            served_by=self._served_by(stack_, response),
        )

    def _current_stack(self) -> Stack:
        """Return the stack's outputs, read again after another release was deployed."""
        with self._lock:
            deployed = deployment_record.read(self._stack).current
            if deployed and deployed.id != self._stack["endpoint"]["release_id"]:
                self._stack = stack.outputs(self.workspace)
            return self._stack

    def _refusal(self, response: prediction.PhotoPrediction) -> str | None:
        """Return why there is no prediction; None if there is one."""
        if response.error is None:
            return None
        reason = response.error.get("error", response.error)
        return f"{self.via} answered {response.status_code}: {reason}"

    def _served_by(self, stack_: Stack, response: prediction.PhotoPrediction) -> dict[str, str]:
        """Return what the response and the endpoint's description say; nothing that neither says."""
        served_by = {"release": response.release}
        if self.via == "function":
            served_by["function"] = f"{stack_['function']['name']}:{stack_['function']['alias']}"
        if self.via == "model":
            return served_by | {"model": "on this machine"}
        name = stack_["endpoint"]["name"]
        variants = _variants(name)
        served_by["endpoint"] = name
        invoked = response.headers.get(prediction.INVOKED_VARIANT)
        if invoked is None and len(variants) == 1:
            (invoked,) = variants  # there is no other that can have answered
        if invoked:
            served_by["variant"] = invoked
            if variants.get(invoked):
                served_by["instances"] = variants[invoked]
        if request := response.headers.get("X-Request-Id"):
            served_by["request"] = request
        return served_by


def _variants(endpoint: str) -> dict[str, str]:
    """Return the endpoint's variants with their instances, as ``2 of ml.c7i.large``; none if not allowed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        description = session.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        types = _instance_types(description["EndpointConfigName"])
    except (ClientError, BotoCoreError):
        return {}
    variants = {}
    for variant in description["ProductionVariants"]:
        name = variant["VariantName"]
        parts = (variant.get("CurrentInstanceCount"), types.get(name))
        variants[name] = " of ".join(str(part) for part in parts if part)
    return variants


@lru_cache(maxsize=1)
def _instance_types(config: str) -> dict[str, str | None]:
    """Return the instance type of each variant of an endpoint configuration, which never changes."""
    variants = session.client("sagemaker").describe_endpoint_config(EndpointConfigName=config)
    return {variant["VariantName"]: variant.get("InstanceType") for variant in variants["ProductionVariants"]}
