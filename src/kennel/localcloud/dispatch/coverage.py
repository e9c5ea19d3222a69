"""What a service does here: what acts, what is stored, and what is refused by name.

Services declare it where their handlers are; `docs/local-cloud.md` has the table that is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response


@dataclass(frozen=True)
class Behaviour:
    """What a service does, in words.

    Attributes
    ----------
    acts
        What really happens.
    stored
        What is kept and shown, and changes nothing; empty where that is what moto answers.
    """

    acts: str
    stored: str = ""


@dataclass(frozen=True)
class Refusal:
    """What a service of AWS can do and the local cloud refuses by name.

    Attributes
    ----------
    service
        botocore's name of the service.
    what
        What is refused, e.g. ``container images``.
    remedy
        What to do instead, or why there is nothing to do.
    code, status
        The error's code, and its HTTP status; 501 is not repeated by SDKs and Terraform.
    operations
        The operations that are refused whatever their parameters are.
    """

    service: str
    what: str
    remedy: str
    code: str = "NotImplemented"
    status: int = 501
    operations: tuple[str, ...] = ()

    def error(self, named: str = "") -> AwsError:
        """Return the error for a caller.

        Parameters
        ----------
        named
            What the caller asked for, if `what` is more general.
        """
        what = named or self.what
        return AwsError(self.code, f"The local cloud has no {what}: {self.remedy}.", self.status)


behaviours: dict[str, Behaviour] = {}
refusals: list[Refusal] = []


def describe(service: str, acts: str, stored: str = "") -> None:
    """Declare what a service does; see `Behaviour`."""
    behaviours[service] = Behaviour(acts, stored)


def refusal(
    service: str, what: str, remedy: str, code: str = "InvalidParameterValueException", status: int = 400
) -> Refusal:
    """Declare what some calls of a service are refused for; a handler raises its `error`."""
    declared = Refusal(service, what, remedy, code, status)
    refusals.append(declared)
    return declared


def refuse(service: str, remedy: str, *names: str) -> None:
    """Refuse operations of a service by name, whatever their parameters are."""
    declared = Refusal(service, "", remedy, operations=names)
    refusals.append(declared)

    def refuse_call(call: Call) -> dict[str, Any] | Response:
        _raise(declared, call.operation)

    operation(service, *names)(refuse_call)


def _raise(declared: Refusal, name: str) -> NoReturn:
    raise declared.error(f"{declared.service}:{name}")
