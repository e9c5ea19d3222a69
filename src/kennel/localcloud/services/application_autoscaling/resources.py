"""What can be scaled here: instances of endpoint variants, and provisioned concurrency of functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.application_autoscaling.state import Key, validation_error
from kennel.localcloud.services.lambda_ import configuration
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.variant_checks import count_problems

VARIANTS = ("sagemaker", "sagemaker:variant:DesiredInstanceCount")
CONCURRENCY = ("lambda", "lambda:function:ProvisionedConcurrency")


class UnscalableError(Exception):
    """The service does not take another capacity now; it may later."""


class ScalingFailedError(Exception):
    """The service refuses a capacity, or could not provide it; the text is the reason."""


class Resource(Protocol):
    """What a scalable target scales."""

    def capacity(self) -> int:
        """Return what is desired now."""

    def scale(self, capacity: int) -> None:
        """Set the capacity; does not wait for it.

        Raises
        ------
        UnscalableError, ScalingFailedError
            The service does not take it.
        """

    def settled(self, capacity: int) -> bool:
        """Return whether a capacity that was set serves.

        Raises
        ------
        ScalingFailedError
            It never will.
        """


@dataclass(frozen=True)
class Kind:
    """A dimension that scales here.

    Attributes
    ----------
    role
        The end of its service-linked role's name.
    noun
        What AWS's activities call its capacity.
    pattern
        Of resource ids.
    cooldown
        Seconds, where a policy has none.
    steps
        Whether step scaling is supported.
    find
        Returns a resource; raises AwsError if there is none.
    """

    role: str
    noun: str
    pattern: str
    cooldown: float
    steps: bool
    find: Callable[[Cloud, re.Match[str]], Resource]


class VariantInstances:
    """The instances of one endpoint variant."""

    def __init__(self, endpoint: Endpoint, variant: str) -> None:
        self._endpoint, self._variant = endpoint, variant

    def _description(self) -> dict[str, Any]:
        for each in self._endpoint.record.production_variants:
            if each["VariantName"] == self._variant:
                description: dict[str, Any] = each
                return description
        raise ScalingFailedError(
            f"The endpoint {self._endpoint.name} has no variant {self._variant} any more."
        )

    def capacity(self) -> int:
        """Return the desired number of instances."""
        return int(self._description().get("DesiredInstanceCount") or 0)

    def scale(self, capacity: int) -> None:
        """Set the number of instances, as UpdateEndpointWeightsAndCapacities does."""
        status = self._endpoint.record.endpoint_status
        if status not in ("InService", "UpdateRollbackFailed"):
            raise UnscalableError(f"the endpoint {self._endpoint.name} is {status}")
        for problem in count_problems(self._endpoint.plan, capacity):
            raise ScalingFailedError(problem)
        self._endpoint.scale([{"VariantName": self._variant, "DesiredInstanceCount": capacity}])

    def settled(self, capacity: int) -> bool:
        """Return whether the endpoint is in service with so many instances."""
        record = self._endpoint.record
        if record.endpoint_status not in ("InService", "UpdateRollbackFailed", "Failed"):
            return False
        if record.failure_reason or self.capacity() != capacity:
            raise ScalingFailedError(
                record.failure_reason or "The number of instances was changed meanwhile."
            )
        return True


class AliasConcurrency:
    """The provisioned concurrency of a function's alias or version."""

    def __init__(self, cloud: Cloud, name: str, qualifier: str) -> None:
        self._cloud, self._key = cloud, (name, qualifier)

    def capacity(self) -> int:
        """Return the requested concurrency."""
        return configuration.requested_concurrency(self._cloud, self._key)

    def scale(self, capacity: int) -> None:
        """Request so much concurrency, as PutProvisionedConcurrencyConfig does; 0 removes the request."""
        try:
            configuration.request_concurrency(self._cloud, self._key, capacity)
        except AwsError as error:
            raise ScalingFailedError(error.message) from error

    def settled(self, capacity: int) -> bool:
        """Return whether so many environments are initialised."""
        if self.capacity() != capacity:
            raise ScalingFailedError("The provisioned concurrency was changed meanwhile.")
        ready, failure = configuration.provisioned_environments(self._cloud, self._key)
        if failure:
            raise ScalingFailedError(failure)
        return ready == capacity


def _variant(cloud: Cloud, matched: re.Match[str]) -> Resource:
    endpoint = endpoints(cloud).get(matched[1])
    names = [each["VariantName"] for each in endpoint.record.production_variants] if endpoint else []
    if endpoint is None or matched[2] not in names:
        raise validation_error(f"SageMaker endpoint variant doesn't exist: {matched[0]}")
    _check_variant(endpoint, matched[2])
    return VariantInstances(endpoint, matched[2])


def _check_variant(endpoint: Endpoint, name: str) -> None:
    """Refuse variants without instances, and of types that AWS does not scale.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
    """
    for variant in endpoint.plan.variants if endpoint.plan else []:
        if variant.name == name and variant.instance_type.startswith("ml.t"):
            raise validation_error(
                f"You cannot register a variant with {variant.instance_type} instance type as a scalable "
                "target. This is because the burstable performance of these instances can lead to "
                "unpredictable behavior with Auto Scaling."
            )
        if variant.name == name and not variant.instance_type:
            raise validation_error(f"The variant {name} is serverless: it has no instances to scale.")


def _alias(cloud: Cloud, matched: re.Match[str]) -> Resource:
    name, qualifier = matched[1], matched[2]
    backend = lambda_backend(cloud.account, cloud.region)
    if qualifier == "$LATEST" or find_version(backend, name, qualifier) is None:
        raise validation_error(f"Lambda function alias or version doesn't exist: {matched[0]}")
    return AliasConcurrency(cloud, name, qualifier)


KINDS = {
    VARIANTS: Kind(
        "SageMakerEndpoint",
        "desired instance count",
        r"endpoint/([^/]+)/variant/([^/]+)",
        300.0,
        True,
        _variant,
    ),
    CONCURRENCY: Kind(
        "LambdaConcurrency", "desired concurrency", r"function:([^:]+):([^:]+)", 0.0, False, _alias
    ),
}


def kind_of(key: Key) -> Kind | None:
    """Return what kind of target this is; None for one that nothing scales here."""
    return KINDS.get((key[0], key[2]))


def find(cloud: Cloud, key: Key) -> Resource:
    """Return what a target scales.

    Raises
    ------
    AwsError
        ``ValidationException``: there is no such resource, or its id has another form.
    """
    kind = KINDS[key[0], key[2]]
    matched = re.fullmatch(kind.pattern, key[1])
    if matched is None:
        raise validation_error(
            f"Unsupported service namespace, resource type or scalable dimension: {key[1]}"
        )
    return kind.find(cloud, matched)
