"""Tags of resources whose tags moto does not keep."""

from __future__ import annotations

from dataclasses import dataclass, field

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore


@dataclass
class Tags(KeptStore):
    """The tags that moto does not keep, by ARN."""

    by_arn: dict[str, dict[str, str]] = field(default_factory=dict)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Return the tags of an ARN, to read or to change."""
    return call.cloud.store(Tags).by_arn.setdefault(arn, {})


def from_pairs(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    """Return ``[{"Key": …, "Value": …}]`` as a dict."""
    return {pair["Key"]: pair.get("Value", "") for pair in pairs or []}


def to_pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return a dict as ``[{"Key": …, "Value": …}]``."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def forget_tags(call: Call, arn: str) -> None:
    """Forget the tags of what is deleted."""
    call.cloud.store(Tags).by_arn.pop(arn, None)
