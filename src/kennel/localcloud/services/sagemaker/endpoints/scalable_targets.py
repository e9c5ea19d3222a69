"""Application Auto Scaling's targets among an endpoint's variants: what they forbid, and when they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kennel.localcloud.authorization.api_call import check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.sagemaker.endpoints.fleet import VariantPlan

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
SERVICE, BACKEND = "application-autoscaling", "applicationautoscaling"  # IAM's name, and moto's


def check_update(call: Call, serving: Sequence[VariantPlan], coming: Sequence[VariantPlan]) -> None:
    """Refuse an update that removes a variant with a scalable target, or changes its instance type.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    targets = _targets(call)
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
    targets = list(_targets(call).values())
    authorizer = Authorizer(ImmediateAudit(call.cloud.audit_log))
    for target in targets:
        permission = RequiredPermission(f"{SERVICE}:DeregisterScalableTarget", target.arn)
        if not check_permission(call.request, permission, authorizer).allowed:
            raise AwsError(
                "ValidationException",
                "An Application AutoScaling scalable target exists for a variant being deleted, and the IAM "
                f"identity used to invoke {call.operation} does not have {permission.action} permission to "
                "deregister the scalable target.",
            )
    backend = call.backend(BACKEND)
    for target in targets:
        for policy in list(backend.policies.values()):
            if (policy.resource_id, policy.scalable_dimension) == (target.resource_id, DIMENSION):
                backend.delete_scaling_policy(policy.policy_name, NAMESPACE, target.resource_id, DIMENSION)
        backend.deregister_scalable_target(NAMESPACE, target.resource_id, DIMENSION)


def _targets(call: Call) -> dict[str, Any]:
    """Return moto's records of the scalable targets of a call's endpoint, by variant."""
    prefix = f"endpoint/{call.parameters['EndpointName']}/variant/"
    registered = call.backend(BACKEND).targets.get(DIMENSION, {})
    return {
        resource.removeprefix(prefix): target
        for resource, target in registered.items()
        if resource.startswith(prefix)
    }
