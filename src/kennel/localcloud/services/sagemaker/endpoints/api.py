"""SageMaker's endpoints: moto keeps their records, and the local cloud runs their instances."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response, Unchanged
from kennel.localcloud.services.sagemaker.endpoints import scalable_targets
from kennel.localcloud.services.sagemaker.endpoints.description import (
    capture_summary,
    find_config,
    find_endpoint,
    retain,
)
from kennel.localcloud.services.sagemaker.endpoints.endpoint import Endpoint, endpoints
from kennel.localcloud.services.sagemaker.endpoints.plans import EndpointPlan, describe_variants, read_plan
from kennel.localcloud.services.sagemaker.endpoints.rollout import Rollout, RolloutError, read_rollout
from kennel.localcloud.services.sagemaker.endpoints.variant_checks import (
    check_change,
    check_conversion,
    count_problems,
)
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(call: Call) -> Response:
    """Record an endpoint through moto, then bring it up."""
    name, backend = call.parameters["EndpointName"], call.backend()
    if name in backend.endpoints:
        arn = call.arn(f"endpoint/{name}")
        raise AwsError("ValidationException", f'Cannot create already existing endpoint "{arn}".')
    config = find_config(call)
    plan = _plan(call, config, describe_variants(config.production_variants))
    deployment_config = call.parameters.get("DeploymentConfig")
    _rollout(deployment_config, plan)  # refused already now; it is used by the first update
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = Endpoint(call.cloud, backend.endpoints[name])
    endpoint.record.production_variants = plan.descriptions
    endpoint.record.shadow_production_variants = plan.shadow_descriptions or None
    endpoint.record.last_deployment_config = deployment_config
    endpoints(call.cloud)[name] = endpoint
    endpoint.deploy(plan, "Creating")
    return response


@operation("sagemaker", "DescribeEndpoint")
def describe_endpoint(call: Call) -> Response:
    """Describe an endpoint, with the capture and the queue of what serves.

    moto shows the settings of the capture instead of their summary, empty ones too, which SDKs refuse.
    """
    document = call.ask_moto_json()
    document.pop("DataCaptureConfig", None)
    endpoint = endpoints(call.cloud).get(call.parameters["EndpointName"])
    plan = endpoint.plan if endpoint else None
    if plan and plan.capture:
        document["DataCaptureConfig"] = capture_summary(plan.capture)
    if plan and plan.asynchronous:
        document["AsyncInferenceConfig"] = dict(plan.asynchronous)
    return call.json(document)


@operation("sagemaker", "UpdateEndpoint")
def update_endpoint(call: Call) -> dict[str, Any]:
    """Bring up another configuration beside what serves, and move the traffic to it.

    Counts and weights go back to the new configuration's initial ones, unless the caller retains all
    variant properties (but for those it excludes), as on AWS. moto has no such operation.
    """
    endpoint, config = _settled_endpoint(call), find_config(call)
    descriptions = describe_variants(config.production_variants)
    if call.parameters.get("RetainAllVariantProperties"):
        excluded = call.parameters.get("ExcludeRetainedVariantProperties") or []
        retain(
            descriptions,
            endpoint.record.production_variants,
            {item["VariantPropertyType"] for item in excluded},
        )
    plan = _plan(call, config, descriptions)
    if endpoint.plan:
        check_conversion(endpoint.plan.variants, plan.variants)
        scalable_targets.check_update(call, endpoint.plan.variants, plan.variants)
    deployment_config = call.parameters.get("DeploymentConfig")
    if call.parameters.get("RetainDeploymentConfig"):
        deployment_config = endpoint.record.last_deployment_config
    rollout = _rollout(deployment_config, plan)
    endpoint.record.last_deployment_config = deployment_config
    endpoint.deploy(plan, "Updating", rollout)
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(call: Call) -> dict[str, Any]:
    """Change weights and instance counts of what serves; moto removes those that a request leaves out."""
    endpoint = _settled_endpoint(call)
    changes = call.parameters["DesiredWeightsAndCapacities"]
    variants = endpoint.fleet.variants if endpoint.fleet else {}
    for change in changes:
        if change["VariantName"] not in variants:
            raise AwsError(
                "ValidationException",
                f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint '
                f'configuration "{endpoint.record.endpoint_config_name}".',
            )
        check_change(change, variants[change["VariantName"]].plan)
        for problem in count_problems(endpoint.plan, change.get("DesiredInstanceCount")):
            raise AwsError("ValidationException", problem)
    endpoint.scale(changes)
    return {"EndpointArn": endpoint.record.arn}


@operation("sagemaker", "DeleteEndpoint")
def delete_endpoint(call: Call) -> Response:
    """Delete an endpoint and stop its instances; its scalable targets go with it."""
    find_endpoint(call)
    scalable_targets.deregister(call)
    response = call.ask_moto()
    if not response.ok:
        raise Unchanged(response)
    endpoint = endpoints(call.cloud).pop(call.parameters["EndpointName"], None)
    if endpoint:
        endpoint.delete()
    return response


def _settled_endpoint(call: Call) -> Endpoint:
    """Return a call's endpoint, which is neither coming up nor being updated, and has not failed.

    Raises
    ------
    AwsError
        There is none, or its status is another than InService and UpdateRollbackFailed.
    """
    record = find_endpoint(call)
    if record.endpoint_status not in ("InService", "UpdateRollbackFailed"):
        raise AwsError(
            "ValidationException",
            f'Cannot update in-progress endpoint "{record.arn}": its status is {record.endpoint_status}.',
        )
    return endpoints(call.cloud)[record.endpoint_name]


def _plan(call: Call, config: Any, descriptions: list[dict[str, Any]]) -> EndpointPlan:
    try:
        return read_plan(call.backend(), config, descriptions, call.cloud.clock.now())
    except FleetError as error:
        raise AwsError("ValidationException", str(error)) from error


def _rollout(deployment_config: dict[str, Any] | None, plan: EndpointPlan) -> Rollout:
    rolling = (deployment_config or {}).get("RollingUpdatePolicy")
    if rolling and any(variant.serverless for variant in plan.variants):
        raise AwsError("ValidationException", "Serverless endpoints do not support rolling deployments.")
    if rolling and plan.shadows:
        raise AwsError("ValidationException", "The local cloud rolls out no shadow variants in batches.")
    try:
        counts = {variant.name: max(1, variant.count) for variant in plan.variants}
        return read_rollout(deployment_config, counts)
    except RolloutError as error:
        raise AwsError("ValidationException", str(error)) from error
