"""The record of what is deployed: one SSM parameter per environment, whose history lists the deployments.

Terraform creates the parameter and reads it in every plan. Deployments and roll-backs write it, and what puts
the stack to sleep and wakes it: then no plan brings back what was taken off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kennel.aws import StackError, session
from kennel.aws.infrastructure.stack import Stack


@dataclass(frozen=True)
class Deployment:
    """A release that was made live, with the settings that it runs with.

    Parameters
    ----------
    id, digest, model_data_url
        The release's.
    image
        The container image that serves it.
    deployment
        The number of the deployment: that of its model and endpoint configuration.
    instance_count
        The number of instances that it began with; None: the stack's own.
    instance_type
        The type of its instances; None: the stack's own.
    serverless
        ``memory_mb`` and ``max_concurrency`` of one without instances; None for instances.
    """

    id: str
    digest: str
    model_data_url: str
    image: str
    deployment: int
    instance_count: int | None = None
    instance_type: str | None = None
    serverless: dict[str, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the members of the record's JSON; what is not set is left out."""
        document = {
            "id": self.id,
            "digest": self.digest,
            "model_data_url": self.model_data_url,
            "image": self.image,
            "deployment": self.deployment,
            "instance_count": self.instance_count,
            "instance_type": self.instance_type,
            "serverless": self.serverless,
        }
        return {name: value for name, value in document.items() if value is not None}


@dataclass(frozen=True)
class Asleep:
    """That a stack sleeps: what is billed by the hour is gone, or stopped.

    Parameters
    ----------
    stopped
        Which workbenches, ``notebook`` and ``training_host``, were stopped for it, and start when it wakes.
    """

    stopped: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeploymentRecord:
    """What is deployed, and what was before.

    Parameters
    ----------
    deployment
        The last number that was used; a failed deployment has used its number too.
    current, previous
        What the endpoint serves, and what a roll-back returns to.
    asleep
        None: the stack is awake.
    """

    deployment: int = 0
    current: Deployment | None = None
    previous: Deployment | None = None
    asleep: Asleep | None = None

    def with_next(self, deployment: Deployment) -> DeploymentRecord:
        """Return the record in which a new deployment is the current one."""
        return DeploymentRecord(deployment.deployment, deployment, self.current)

    def rolled_back(self) -> DeploymentRecord:
        """Return the record in which the current and the previous deployment have changed places."""
        return replace(self, current=self.previous, previous=self.current)

    def with_number(self, number: int) -> DeploymentRecord:
        """Return the same record after a number was used; numbers never decrease."""
        return replace(self, deployment=max(self.deployment, number))

    def as_dict(self) -> dict[str, Any]:
        """Return the record as a JSON document; ``asleep`` is there only if the stack sleeps."""
        return {
            "deployment": self.deployment,
            "current": self.current.as_dict() if self.current else None,
            "previous": self.previous.as_dict() if self.previous else None,
            **({"asleep": {"stopped": list(self.asleep.stopped)}} if self.asleep else {}),
        }

    @classmethod
    def of(cls, document: dict[str, Any]) -> DeploymentRecord:
        """Return the record of a JSON document."""
        current, previous = (document[name] for name in ("current", "previous"))
        asleep = document.get("asleep")
        return cls(
            document["deployment"],
            Deployment(**current) if current else None,
            Deployment(**previous) if previous else None,
            Asleep(tuple(asleep["stopped"])) if asleep else None,
        )


@dataclass(frozen=True)
class RecordVersion:
    """The record as somebody wrote it once."""

    version: int
    written: datetime
    by: str
    record: DeploymentRecord


def serving(versions: list[RecordVersion], number: int | None) -> DeploymentRecord | None:
    """Return the newest record of a history in which a deployment is the current one; None if there is none.

    Parameters
    ----------
    number
        The deployment's; None: the newest record without any deployment.
    """
    for version in reversed(versions):
        current = version.record.current
        if (current.deployment if current else None) == number:
            return version.record
    return None


def read(stack: Stack) -> DeploymentRecord:
    """Return the record of a stack.

    Raises
    ------
    StackError
        The parameter is gone, or its value is not a record.
    """
    name, ssm = stack["release_parameter"], session.client("ssm")
    try:
        value = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound as error:
        raise StackError(f"there is no parameter {name}: run ./kennel stack.apply, which makes it") from error
    return _parsed(name, value)


def write(stack: Stack, record: DeploymentRecord) -> None:
    """Write the record; the next plan, whoever makes it, is made for it."""
    session.client("ssm").put_parameter(
        Name=stack["release_parameter"], Value=json.dumps(record.as_dict()), Type="String", Overwrite=True
    )


def history(stack: Stack) -> list[RecordVersion]:
    """Return all that is left of the record's history, the oldest first: SSM keeps the last 100 versions."""
    name = stack["release_parameter"]
    pages = session.client("ssm").get_paginator("get_parameter_history").paginate(Name=name)
    versions = [
        RecordVersion(
            entry["Version"],
            entry["LastModifiedDate"],
            entry["LastModifiedUser"],
            _parsed(name, entry["Value"]),
        )
        for page in pages
        for entry in page["Parameters"]
    ]
    return sorted(versions, key=lambda version: version.version)


def _parsed(name: str, value: str) -> DeploymentRecord:
    try:
        return DeploymentRecord.of(json.loads(value))
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(
            f"the parameter {name} is not a record of deployments ({error!r:.120}): write back an earlier "
            f"version of it: aws ssm get-parameter-history --name {name}"
        ) from error
