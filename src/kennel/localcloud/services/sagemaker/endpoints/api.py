"""SageMaker's endpoints: moto keeps their records, and the local cloud runs their instances."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.services.sagemaker.endpoints.description import (
    describe_variants,
    find_config,
    find_endpoint,
    retain,
)
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, EndpointPlan, endpoints
from kennel.localcloud.services.sagemaker.endpoints.fleet import FleetError, read_plans


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(call: Call) -> Response:
    """Record an endpoint through moto, then bring it up."""
    name, backend = call.parameters["EndpointName"], call.backend()
    if name in backend.endpoints:
        arn = call.arn(f"endpoint/{name}")
        raise AwsError("ValidationException", f'Cannot create already existing endpoint "{arn}".')
    config = find_config(call)
    plan = _plan(call, config, describe_variants(config))
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = Endpoint(call.cloud, backend.endpoints[name])
    endpoint.record.production_variants = plan.descriptions
    endpoint.record.last_deployment_config = call.parameters.get("DeploymentConfig")
    endpoints(call.cloud)[name] = endpoint
    endpoint.deploy(plan, "Creating")
    return response


@operation("sagemaker", "UpdateEndpoint")
def update_endpoint(call: Call) -> dict[str, Any]:
    """Bring up another configuration beside what serves, and swap when it is healthy.

    Counts and weights go back to the new configuration's initial ones, unless the caller retains all
    variant properties (but for those it excludes), as on AWS. moto has no such operation.
    """
    endpoint, config = _settled_endpoint(call), find_config(call)
    descriptions = describe_variants(config)
    if call.parameters.get("RetainAllVariantProperties"):
        excluded = call.parameters.get("ExcludeRetainedVariantProperties") or []
        retain(
            descriptions,
            endpoint.record.production_variants,
            {item["VariantPropertyType"] for item in excluded},
        )
    plan = _plan(call, config, descriptions)
    if not call.parameters.get("RetainDeploymentConfig"):
        endpoint.record.last_deployment_config = call.parameters.get("DeploymentConfig")
    endpoint.deploy(plan, "Updating")
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(call: Call) -> dict[str, Any]:
    """Change weights and instance counts of what serves; moto removes those that a request leaves out."""
    endpoint = _settled_endpoint(call)
    changes = call.parameters["DesiredWeightsAndCapacities"]
    known = {variant["VariantName"] for variant in endpoint.record.production_variants}
    for change in changes:
        if change["VariantName"] not in known:
            raise AwsError(
                "ValidationException",
                f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint '
                f'configuration "{endpoint.record.endpoint_config_name}".',
            )
    endpoint.scale(changes)
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "DeleteEndpoint")
def delete_endpoint(call: Call) -> Response:
    """Delete an endpoint and stop its instances."""
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = endpoints(call.cloud).pop(call.parameters["EndpointName"], None)
    if endpoint:
        endpoint.delete()
    return response


def _settled_endpoint(call: Call) -> Endpoint:
    """Return a call's endpoint, which is neither coming up nor being updated.

    Raises
    ------
    AwsError
        There is none, or its status is another than InService and Failed.
    """
    record = find_endpoint(call)
    if record.endpoint_status not in ("InService", "Failed"):
        raise AwsError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{record.arn}": its status is {record.endpoint_status}.',
        )
    return endpoints(call.cloud)[record.endpoint_name]


def _plan(call: Call, config: Any, descriptions: list[dict[str, Any]]) -> EndpointPlan:
    try:
        variants = read_plans(call.backend(), config, descriptions)
    except FleetError as error:
        raise AwsError("ValidationException", str(error)) from error
    return EndpointPlan(config.endpoint_config_name, variants, descriptions)
