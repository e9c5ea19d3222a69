"""How an update reaches its new fleet: the request's DeploymentConfig, checked, as steps and times.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.core.utils import get_service_model

PERCENT, INSTANCES = "CAPACITY_PERCENT", "INSTANCE_COUNT"
# Percent of a variant's instances, from the documentation of each member.
CANARY, LINEAR, ROLLING = (1, 50), (10, 50), (5, 50)
WHOLE = (1, 100)


class RolloutError(ValueError):
    """A deployment configuration that SageMaker refuses, or one that the local cloud cannot carry out."""


@dataclass(frozen=True)
class BatchSize:
    """How many instances of each variant a rolling update replaces at a time."""

    kind: str
    value: int

    def of(self, total: int) -> int:
        """Return the number of instances, at least one, of a variant that has so many."""
        return max(1, min(total, self.value if self.kind == INSTANCES else total * self.value // 100))


@dataclass(frozen=True)
class Rollout:
    """What happens once the new fleet has come up.

    Attributes
    ----------
    shares
        Blue/green: the new fleet's share of the traffic after each step.
    bake_seconds
        How long the alarms are watched after each step.
    termination_seconds
        How much longer they are watched before the old fleet goes.
    limit_seconds
        The longest that the whole deployment may take; None for no limit.
    alarms
        Names of the alarms that roll it back.
    batch
        Rolling: how many instances are replaced at a time; None for blue/green.
    rollback_batch
        Rolling: how many old instances come back at a time.
    """

    shares: tuple[float, ...] = (1.0,)
    bake_seconds: float = 0.0
    termination_seconds: float = 0.0
    limit_seconds: float | None = None
    alarms: tuple[str, ...] = ()
    batch: BatchSize | None = None
    rollback_batch: BatchSize = BatchSize(PERCENT, 100)


def read_rollout(config: Mapping[str, Any] | None, counts: Mapping[str, int]) -> Rollout:
    """Return what a DeploymentConfig asks for; without one, all traffic moves at once.

    Parameters
    ----------
    config
        The member of CreateEndpoint and UpdateEndpoint; None if the request has none.
    counts
        The instances of the new configuration's variants.

    Raises
    ------
    RolloutError
        A value is out of its range, a size out of its share of the instances, or members contradict.
    """
    if not config:
        return Rollout()
    shape = get_service_model("sagemaker").shape_for("DeploymentConfig")
    violations = list(_violations(shape, config, "deploymentConfig"))
    if violations:
        noun = "error" if len(violations) == 1 else "errors"
        raise RolloutError(f"{len(violations)} validation {noun} detected: {'; '.join(violations)}")
    alarms = (config.get("AutoRollbackConfiguration") or {}).get("Alarms") or []
    names = tuple(alarm["AlarmName"] for alarm in alarms)
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise RolloutError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if rolling:
        back = rolling.get("RollbackMaximumBatchSize")
        return Rollout(
            bake_seconds=rolling["WaitIntervalInSeconds"],
            limit_seconds=rolling.get("MaximumExecutionTimeoutInSeconds"),
            alarms=names,
            batch=_size(rolling["MaximumBatchSize"], "MaximumBatchSize", counts, ROLLING),
            rollback_batch=_size(back, "RollbackMaximumBatchSize", counts, WHOLE)
            if back
            else Rollout.rollback_batch,
        )
    if not blue_green:
        return Rollout(alarms=names)
    routing = blue_green["TrafficRoutingConfiguration"]
    return Rollout(
        shares=_shares(routing, counts),
        bake_seconds=routing["WaitIntervalInSeconds"],
        termination_seconds=blue_green.get("TerminationWaitInSeconds") or 0,
        limit_seconds=blue_green.get("MaximumExecutionTimeoutInSeconds"),
        alarms=names,
    )


def _shares(routing: Mapping[str, Any], counts: Mapping[str, int]) -> tuple[float, ...]:
    """Return the new fleet's share of the traffic after each step of a blue/green update."""
    kind = routing["Type"]
    expected = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    for member in ("CanarySize", "LinearStepSize"):
        if (member == expected) != bool(routing.get(member)):
            must = "must" if member == expected else "must not"
            raise RolloutError(f"{member} {must} be specified for the traffic routing type {kind}.")
    if expected is None:
        return (1.0,)
    size = _size(routing[expected], expected, counts, CANARY if kind == "CANARY" else LINEAR)
    if size.kind == INSTANCES and len(set(counts.values())) > 1:
        raise RolloutError(
            "The local cloud shifts traffic by a number of instances only where all variants have the same "
            f"number: give {expected} as {PERCENT}."
        )
    first = size.value / 100 if size.kind == PERCENT else size.value / next(iter(counts.values()))
    if kind == "CANARY":
        return (first, 1.0)
    steps = [first * step for step in range(1, int(1 / first) + 1) if first * step < 1 - 1e-9]
    return (*steps, 1.0)


def _size(
    size: Mapping[str, Any], member: str, counts: Mapping[str, int], percent: tuple[int, int]
) -> BatchSize:
    """Return a CapacitySize that lies within a share of each variant's instances."""
    lowest, highest = percent
    for variant, count in counts.items():
        share = size["Value"] if size["Type"] == PERCENT else 100 * size["Value"] / count
        if not lowest <= share <= highest:
            raise RolloutError(
                f"{member} must be between {lowest}% and {highest}% of the instances of variant {variant}, "
                f"which has {count}; it is {size['Value']} ({size['Type']})."
            )
    return BatchSize(size["Type"], size["Value"])


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield where a value violates the ranges of its shape in botocore's model, in AWS's words."""
    if shape.type_name == "structure":
        for name in shape.required_members:
            if value.get(name) is None:
                yield f"Value null at '{path}.{_member(name)}' {FAILED}: Member must not be null"
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _violations(member, value[name], f"{path}.{_member(name)}")
        return
    if shape.type_name == "list":
        for index, item in enumerate(value, 1):
            yield from _violations(shape.member, item, f"{path}.{index}.member")
    size, noun = (value, "value") if shape.type_name == "integer" else (len(value), "length")
    lowest, highest = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        allowed = ", ".join(shape.metadata["enum"])
        yield f"Value '{value}' at '{path}' {FAILED}: Member must satisfy enum value set: [{allowed}]"
        return
    for wrong, comparison, limit in (
        (lowest is not None and size < lowest, "greater", lowest),
        (highest is not None and size > highest, "less", highest),
    ):
        if wrong:
            must = f"Member must have {noun} {comparison} than or equal to {limit}"
            yield f"Value '{value}' at '{path}' {FAILED}: {must}"


FAILED = "failed to satisfy constraint"


def _member(name: str) -> str:
    return name[0].lower() + name[1:]
