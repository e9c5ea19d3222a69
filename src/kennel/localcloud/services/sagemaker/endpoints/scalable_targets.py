"""Application Auto Scaling's targets among an endpoint's variants: what they forbid, and when they go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from kennel.localcloud.authorization.api_call import check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import handler_of
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.description import find_endpoint
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import VariantPlan

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
SERVICE = "application-autoscaling"


def check_update(call: Call, serving: Sequence[VariantPlan], coming: Sequence[VariantPlan]) -> None:
    """Refuse an update that removes a variant with a scalable target, or changes its instance type.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    targets = _targets(call, [variant.name for variant in serving])
    types = {variant.name: variant.instance_type for variant in coming}
    changed = [
        variant.name
        for variant in serving
        if variant.name in targets and types.get(variant.name) != variant.instance_type
    ]
    if changed:
        raise AwsError(
            "ValidationException",
            f'The variant(s) "{", ".join(changed)}" must be deregistered as scalable target with AutoScaling '
            "before they can be removed or have their instance type updated.",
        )


def deregister(call: Call) -> None:
    """Deregister the scalable targets of an endpoint that is being deleted, with their policies.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html

    Raises
    ------
    AwsError
        ``ValidationException``: the caller may not deregister one.
    """
    record = find_endpoint(call)
    targets = _targets(call, [variant["VariantName"] for variant in record.production_variants])
    authorizer = Authorizer(ImmediateAudit(call.cloud.audit_log))
    for arn in targets.values():
        permission = RequiredPermission(f"{SERVICE}:DeregisterScalableTarget", arn)
        if not check_permission(call.request, permission, authorizer).allowed:
            raise AwsError(
                "ValidationException",
                "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM "
                f"identity used to invoke {call.operation} does not have {permission.action} permission to "
                "deregister the scalable target.",
            )
    for variant in targets:
        _ask(
            call, "DeregisterScalableTarget", ResourceId=_resource(call, variant), ScalableDimension=DIMENSION
        )


def _targets(call: Call, variants: Sequence[str]) -> dict[str, str]:
    """Return the ARNs of the scalable targets of a call's endpoint, by variant."""
    by_resource = {_resource(call, variant): variant for variant in variants}
    described = _ask(
        call, "DescribeScalableTargets", ResourceIds=list(by_resource), ScalableDimension=DIMENSION
    )
    return {
        by_resource[target["ResourceId"]]: target["ScalableTargetARN"]
        for target in described["ScalableTargets"]
    }


def _resource(call: Call, variant: str) -> str:
    return f"endpoint/{call.parameters['EndpointName']}/variant/{variant}"


def _ask(call: Call, operation: str, **parameters: Any) -> dict[str, Any]:
    """Call Application Auto Scaling as SageMaker itself."""
    handler = handler_of(SERVICE, operation)
    assert handler is not None
    asked = {"ServiceNamespace": NAMESPACE, **parameters}
    request = replace(call.request, service=SERVICE, operation=operation, parameters=asked)
    return cast("dict[str, Any]", handler(replace(call, request=request)))
