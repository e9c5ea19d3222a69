"""Whether the network that a job, model or notebook names exists: nothing could be started in another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.moto_adapter.network import vpc_of
from kennel.localcloud.protocol.messages import AwsError


def check_network(call: Call, config: Mapping[str, Any] | None) -> None:
    """Refuse what is to run in subnets or security groups that do not exist.

    AWS does not publish the words; they are the local cloud's own.

    Parameters
    ----------
    config
        A ``VpcConfig``.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    for member in ("Subnets", "SecurityGroupIds"):
        for identifier in (config or {}).get(member) or []:
            if vpc_of(call.region, identifier) is None:
                raise AwsError(
                    "ValidationException",
                    f"{member}: {identifier} does not exist in {call.region}: create it first.",
                )
