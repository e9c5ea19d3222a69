"""An endpoint configuration, resolved: what an endpoint brings up, from moto's records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kennel.localcloud.moto_adapter import sagemaker
from kennel.localcloud.services.sagemaker.endpoints.model_servers import UnknownImageError, model_server
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import (
    RANDOM,
    STARTUP_SECONDS,
    FleetError,
    ServerlessPlan,
    VariantPlan,
)

COUNTS = ("CurrentInstanceCount", "DesiredInstanceCount")
WEIGHTS = ("CurrentWeight", "DesiredWeight")


@dataclass(frozen=True)
class EndpointPlan:
    """What to bring up, and how DescribeEndpoint shows it.

    Attributes
    ----------
    role
        The execution role, with which SageMaker reads the alarms of a deployment.
    shadows, shadow_descriptions
        Its shadow variants, as `variants` and `descriptions`.
    asynchronous, capture
        ``AsyncInferenceConfig`` and ``DataCaptureConfig``, if it has them.
    """

    configuration: str
    variants: list[VariantPlan]
    descriptions: list[dict[str, Any]]
    role: str
    shadows: list[VariantPlan] = field(default_factory=list)
    shadow_descriptions: list[dict[str, Any]] = field(default_factory=list)
    asynchronous: Mapping[str, Any] | None = None
    capture: Mapping[str, Any] | None = None


def read_plan(
    backend: Any, configuration: Any, descriptions: list[dict[str, Any]], now: datetime
) -> EndpointPlan:
    """Return an endpoint configuration with its models, from moto's records.

    Parameters
    ----------
    backend, configuration
        moto's SageMaker backend, and its record of the endpoint configuration.
    descriptions
        The variants as the endpoint will describe them: with the counts and weights to begin with. They get
        the images of their models.
    now
        When the images are resolved.

    Raises
    ------
    FleetError
        A model no longer exists, or needs what the local cloud does not support, such as another image.
    """
    variants = _read_variants(backend, configuration.production_variants, descriptions)
    given = getattr(configuration, "shadow_production_variants", None) or []
    shadow_descriptions = describe_variants(given)
    shadows = [replace(shadow, shadow=True) for shadow in _read_variants(backend, given, shadow_descriptions)]
    described = [*descriptions, *shadow_descriptions]
    for variant, description in zip([*variants, *shadows], described, strict=True):
        if variant.image:
            description["DeployedImages"] = [{"SpecifiedImage": variant.image, "ResolutionTime": now}]
    role = getattr(configuration, "execution_role_arn", None) or variants[0].role
    return EndpointPlan(
        configuration.endpoint_config_name,
        variants,
        descriptions,
        role,
        shadows,
        shadow_descriptions,
        getattr(configuration, "async_inference_config", None),
        getattr(configuration, "data_capture_config", None),
    )


def model_plan(
    backend: Any, model: str, count: int, variables: Mapping[str, str], log_group: str
) -> VariantPlan:
    """Return a model as a job runs it: a variant of its own.

    Parameters
    ----------
    backend
        moto's SageMaker backend.
    model, count
        Its name, and how many instances it gets.
    variables
        What the job adds to the container's environment.
    log_group
        Where its servers' output goes.

    Raises
    ------
    FleetError
        As for `read_plan`.
    """
    described = {"DesiredInstanceCount": count, "DesiredWeight": 1.0}
    plan = _read_variant(backend, {"VariantName": "transform", "ModelName": model}, described)
    return replace(plan, variables={**plan.variables, **variables}, log_group=log_group)


def describe_variants(variants: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a configuration's variants as DescribeEndpoint shows them at first."""
    descriptions = []
    for variant in variants:
        description: dict[str, Any] = {"VariantName": variant["VariantName"]}
        count, weight = variant.get("InitialInstanceCount"), variant.get("InitialVariantWeight", 1.0)
        description.update(dict.fromkeys(WEIGHTS, weight))
        if count is not None:
            description.update(dict.fromkeys(COUNTS, count))
        if variant.get("ServerlessConfig"):
            description["CurrentServerlessConfig"] = description["DesiredServerlessConfig"] = variant[
                "ServerlessConfig"
            ]
        for member in ("ManagedInstanceScaling", "RoutingConfig"):
            if variant.get(member):
                description[member] = variant[member]
        descriptions.append(description)
    return descriptions


def _read_variants(
    backend: Any, variants: Iterable[dict[str, Any]], descriptions: list[dict[str, Any]]
) -> list[VariantPlan]:
    pairs = zip(variants, descriptions, strict=True)
    return [_read_variant(backend, variant, description) for variant, description in pairs]


def _read_variant(backend: Any, variant: dict[str, Any], description: dict[str, Any]) -> VariantPlan:
    model = sagemaker.model(backend, variant["ModelName"])
    if model is None:
        raise FleetError(f'Could not find model "{variant["ModelName"]}".')
    container = _container(model)
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return VariantPlan(
        name=variant["VariantName"],
        count=int(description.get("DesiredInstanceCount", 1)),
        weight=float(description["DesiredWeight"]),
        startup_seconds=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or STARTUP_SECONDS),
        role=model.execution_role_arn,
        image=container.get("Image") or "",
        instance_type=variant.get("InstanceType") or "",
        data_url=container.get("ModelDataUrl") or source.get("S3Uri") or "",
        compressed=source.get("CompressionType", "Gzip") == "Gzip",
        variables=container.get("Environment") or {},
        isolated=bool(getattr(model, "enable_network_isolation", False)),
        routing=(variant.get("RoutingConfig") or {}).get("RoutingStrategy") or RANDOM,
        serverless=serverless_plan(variant.get("ServerlessConfig"), description),
    )


def _container(model: Any) -> dict[str, Any]:
    """Return the one container of a model, which the local cloud can stand for."""
    containers = model.containers or [model.primary_container]
    if len(containers) != 1 or not containers[0]:
        raise FleetError(f"Model {model.model_name}: the local cloud serves one container a model.")
    container: dict[str, Any] = containers[0]
    for member in ("ModelPackageName", "AdditionalModelDataSources", "MultiModelConfig"):
        if container.get(member):
            raise FleetError(
                f"Model {model.model_name}: the local cloud has no {member} in a model: give its container "
                "an Image and a ModelDataUrl."
            )
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise FleetError(f"Model {model.model_name}: the local cloud serves the mode SingleModel only.")
    try:
        model_server(container.get("Image") or "")
    except UnknownImageError as error:
        raise FleetError(f"Model {model.model_name}: {error}") from error
    return container


def serverless_plan(
    config: Mapping[str, Any] | None, description: Mapping[str, Any]
) -> ServerlessPlan | None:
    """Return a variant's memory and concurrency, as they were changed last; None for one of instances."""
    if not config:
        return None
    described = description.get("DesiredServerlessConfig") or config
    return ServerlessPlan(
        memory=int(config["MemorySizeInMB"]),
        concurrency=int(described["MaxConcurrency"]),
        provisioned=int(described.get("ProvisionedConcurrency") or 0),
    )
