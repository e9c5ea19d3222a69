"""Tags of resources whose tags moto does not keep."""

from __future__ import annotations

from kennel.localcloud.call import Call


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """The tags of an ARN, to read or to change."""
    store: dict[str, dict[str, str]] = call.cloud.state("tags")
    return store.setdefault(arn, {})


def from_pairs(pairs: list[dict[str, str]] | None) -> dict[str, str]:
    """``[{"Key": …, "Value": …}]`` as a dict."""
    return {pair["Key"]: pair.get("Value", "") for pair in pairs or []}


def to_pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """A dict as ``[{"Key": …, "Value": …}]``."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]
