"""Endpoints: what they were deployed with, their updates, and how many instances each variant has."""

from __future__ import annotations

import datetime
from typing import Any

from kennel.localcloud.call import AwsError, Call, Response, operation

COUNTS = ("CurrentInstanceCount", "DesiredInstanceCount")
WEIGHTS = ("CurrentWeight", "DesiredWeight")


def find_endpoint(call: Call) -> Any:
    """moto's endpoint of a call.

    Raises
    ------
    AwsError
        There is none.
    """
    name = call.parameters["EndpointName"]
    endpoint = call.backend("sagemaker").endpoints.get(name)
    if endpoint is None:
        arn = call.arn(f"endpoint/{name}", "sagemaker")
        raise AwsError("ValidationException", f'Could not find endpoint "{arn}".')
    return endpoint


def find_config(call: Call) -> Any:
    """moto's endpoint configuration of a call.

    Raises
    ------
    AwsError
        There is none.
    """
    name = call.parameters["EndpointConfigName"]
    config = call.backend().endpoint_configs.get(name)
    if config is None:
        arn = call.arn(f"endpoint-config/{name}")
        raise AwsError("ValidationException", f'Could not find endpoint configuration "{arn}".')
    return config


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(call: Call) -> Response:
    """Keep the deployment configuration, and weights of zero."""
    name = call.parameters["EndpointName"]
    endpoints = call.backend().endpoints
    if name in endpoints:
        raise AwsError(
            "ValidationException", f'Cannot create already existing endpoint "{endpoints[name].arn}".'
        )
    config = find_config(call)
    response = call.forward()
    if response.ok:
        endpoint = endpoints[name]
        endpoint.production_variants = _variants(config)
        endpoint.last_deployment_config = call.parameters.get("DeploymentConfig")
    return response


@operation("sagemaker", "UpdateEndpoint")
def update_endpoint(call: Call) -> dict[str, Any]:
    """Put another configuration behind an endpoint.

    Counts and weights go back to the new configuration's initial ones, unless the caller retains all
    variant properties (but for those it excludes), as on AWS.
    """
    endpoint, config = find_endpoint(call), find_config(call)
    if endpoint.endpoint_status not in ("InService", "Failed"):
        raise AwsError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{endpoint.arn}": its status is {endpoint.endpoint_status}.',
        )
    variants = _variants(config)
    if call.parameters.get("RetainAllVariantProperties"):
        excluded = {
            item["VariantPropertyType"]
            for item in call.parameters.get("ExcludeRetainedVariantProperties", [])
        }
        _retain(variants, endpoint.production_variants, excluded)
    endpoint.production_variants = variants
    endpoint.endpoint_config_name = call.parameters["EndpointConfigName"]
    endpoint.last_modified_time = datetime.datetime.now(datetime.UTC)
    if not call.parameters.get("RetainDeploymentConfig"):
        endpoint.last_deployment_config = call.parameters.get("DeploymentConfig")
    return {"EndpointArn": endpoint.arn}


def _variants(config: Any) -> list[dict[str, Any]]:
    """The variants of a configuration as an endpoint describes them."""
    found = []
    for variant in config.production_variants:
        described: dict[str, Any] = {"VariantName": variant["VariantName"]}
        count, weight = variant.get("InitialInstanceCount"), variant.get("InitialVariantWeight", 1.0)
        described.update(dict.fromkeys(WEIGHTS, weight))
        if count is not None:
            described.update(dict.fromkeys(COUNTS, count))
        if variant.get("ServerlessConfig"):
            described["CurrentServerlessConfig"] = described["DesiredServerlessConfig"] = variant[
                "ServerlessConfig"
            ]
        if variant.get("ManagedInstanceScaling"):
            described["ManagedInstanceScaling"] = variant["ManagedInstanceScaling"]
        found.append(described)
    return found


def _retain(variants: list[dict[str, Any]], before: list[dict[str, Any]], excluded: set[str]) -> None:
    old = {variant["VariantName"]: variant for variant in before}
    kept = (COUNTS if "DesiredInstanceCount" not in excluded else ()) + (
        WEIGHTS if "DesiredWeight" not in excluded else ()
    )
    for variant in variants:
        for member in kept:
            if member in variant and old.get(variant["VariantName"], {}).get(member) is not None:
                variant[member] = old[variant["VariantName"]][member]


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(call: Call) -> dict[str, Any]:
    """Change what is given of a variant's weight and count; moto sets what is not given to nothing."""
    endpoint = find_endpoint(call)
    variants = {variant["VariantName"]: variant for variant in endpoint.production_variants}
    wanted = call.parameters["DesiredWeightsAndCapacities"]
    for change in wanted:
        if change["VariantName"] not in variants:
            raise AwsError(
                "ValidationException",
                f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint '
                f'configuration "{endpoint.endpoint_config_name}".',
            )
    for change in wanted:
        variant = variants[change["VariantName"]]
        if change.get("DesiredWeight") is not None:
            variant.update(dict.fromkeys(WEIGHTS, change["DesiredWeight"]))
        if change.get("DesiredInstanceCount") is not None:
            variant.update(dict.fromkeys(COUNTS, change["DesiredInstanceCount"]))
    endpoint.last_modified_time = datetime.datetime.now(datetime.UTC)
    return {"EndpointArn": endpoint.arn}
