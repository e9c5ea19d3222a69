"""What SageMaker refuses of production variants, serverless ones above all.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html ("Feature exclusions"). AWS does not
publish the words of these refusals; they are the local cloud's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.moto_adapter import sagemaker as moto_sagemaker
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.plans import EndpointPlan
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import (
    LEAST_OUTSTANDING,
    RANDOM,
    VariantPlan,
)

CONCURRENCY = (1, 200)  # MaxConcurrency and ProvisionedConcurrency, each
OF_INSTANCES = (
    "InstanceType",
    "InitialInstanceCount",
    "RoutingConfig",
    "ManagedInstanceScaling",
    "VolumeSizeInGB",
    "AcceleratorType",
)
UNSUPPORTED = {
    "ExplainerConfig": "explanations",
    "CrossRegionTrafficConfig": "traffic to other regions",
}
UNSUPPORTED_OF_VARIANT = (
    *("ManagedInstanceScaling", "InstancePools", "CoreDumpConfig", "CapacityReservationConfig"),
    *("AcceleratorType", "AcceleratorPartitionLayouts"),
)
ROUTED = (RANDOM, LEAST_OUTSTANDING)


def check_configuration(call: Call) -> None:
    """Refuse an endpoint configuration that SageMaker refuses, or that the local cloud cannot carry out.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    for problem in _problems(call):
        raise AwsError("ValidationException", problem)


def _problems(call: Call) -> Iterator[str]:
    parameters, variants = call.parameters, call.parameters["ProductionVariants"]
    yield from _unsupported(parameters)
    for variant in variants:
        strategy = (variant.get("RoutingConfig") or {}).get("RoutingStrategy", RANDOM)
        if strategy not in ROUTED:
            yield (
                f"The local cloud routes requests by {' and '.join(ROUTED)}: give one of them as the "
                f"RoutingStrategy of variant {variant['VariantName']}, not {strategy}."
            )
    serverless = [variant for variant in variants if variant.get("ServerlessConfig")]
    if not serverless:
        return
    if len(variants) > 1:
        yield "A serverless endpoint has one production variant."
    (variant,) = serverless
    given = [member for member in OF_INSTANCES if variant.get(member)]
    if given:
        yield f"{', '.join(given)} and ServerlessConfig cannot both be specified for a production variant."
    config = variant["ServerlessConfig"]
    yield from _concurrency_problems(config["MaxConcurrency"], config.get("ProvisionedConcurrency"))
    refused = {
        "data capture": (parameters.get("DataCaptureConfig") or {}).get("EnableCapture"),
        "shadow variants": parameters.get("ShadowProductionVariants"),
        "asynchronous inference": parameters.get("AsyncInferenceConfig"),
        "a VPC configuration": parameters.get("VpcConfig"),
        "network isolation": parameters.get("EnableNetworkIsolation"),
    }
    if model := moto_sagemaker.model(call.backend(), variant["ModelName"]):
        refused |= {
            "models with a VPC configuration": getattr(model, "vpc_config", None),
            "models with network isolation": getattr(model, "enable_network_isolation", False),
            "inference pipelines": len(model.containers or []) > 1,
        }
    for feature, present in refused.items():
        if present:
            yield f"Serverless endpoints do not support {feature}."


def _unsupported(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield what AWS does and nothing here would do."""
    for member, feature in UNSUPPORTED.items():
        if parameters.get(member):
            yield f"The local cloud has no {feature}: leave {member} out."
    for variant in [*parameters["ProductionVariants"], *(parameters.get("ShadowProductionVariants") or [])]:
        name = variant["VariantName"]
        if not variant.get("ModelName"):
            yield f"The local cloud has no inference components: give variant {name} a ModelName."
        for member in UNSUPPORTED_OF_VARIANT:
            given = variant.get(member)
            if given and not (isinstance(given, dict) and given.get("Status") == "DISABLED"):
                yield f"The local cloud has no {member} (variant {name}): leave it out."
    shadows = parameters.get("ShadowProductionVariants") or []
    if len(shadows) > 1 or (shadows and len(parameters["ProductionVariants"]) > 1):
        yield "An endpoint configuration has one production variant and one shadow variant, or no shadow."
    queue = parameters.get("AsyncInferenceConfig")
    if queue and shadows:
        yield "Asynchronous endpoints have no shadow variants."
    if queue and not queue["OutputConfig"].get("S3OutputPath"):
        yield "AsyncInferenceConfig has no S3OutputPath, where the local cloud writes what comes out."


def _concurrency_problems(most: int, provisioned: int | None) -> Iterator[str]:
    lowest, highest = CONCURRENCY
    for member, value in (("MaxConcurrency", most), ("ProvisionedConcurrency", provisioned)):
        if value is not None and not lowest <= value <= highest:
            yield f"{member} must be between {lowest} and {highest}; it is {value}."
    if provisioned is not None and provisioned > most:
        yield f"ProvisionedConcurrency ({provisioned}) must not be greater than MaxConcurrency ({most})."


def check_conversion(serving: Sequence[VariantPlan], coming: Sequence[VariantPlan]) -> None:
    """Refuse to make a serverless endpoint of one with instances; the other way round is allowed.

    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-update.html

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    if any(variant.serverless for variant in coming) and not any(variant.serverless for variant in serving):
        raise AwsError(
            "ValidationException", "An endpoint with instances cannot be updated to a serverless endpoint."
        )


def check_change(change: Mapping[str, Any], variant: VariantPlan) -> None:
    """Refuse one of UpdateEndpointWeightsAndCapacities' changes that does not fit its variant.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    update = change.get("ServerlessUpdateConfig")
    if update and variant.serverless is None:
        raise AwsError("ValidationException", f"Variant {variant.name} is not serverless.")
    if variant.serverless is None:
        return
    if change.get("DesiredInstanceCount") is not None:
        raise AwsError("ValidationException", f"Variant {variant.name} is serverless: it has no instances.")
    if update:
        most = update.get("MaxConcurrency", variant.serverless.concurrency)
        provisioned = update.get("ProvisionedConcurrency", variant.serverless.provisioned or None)
        for problem in _concurrency_problems(most, provisioned):
            raise AwsError("ValidationException", problem)


def count_problems(plan: EndpointPlan | None, count: int | None) -> Iterator[str]:
    """Yield why a variant cannot have so many instances: only requests in a queue can wait for the first.

    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """
    if count is not None and count < 1 and not (plan and plan.asynchronous):
        yield "A variant that answers in real time has at least one instance."
