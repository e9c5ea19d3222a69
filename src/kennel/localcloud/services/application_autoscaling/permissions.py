"""What Application Auto Scaling requires of its caller: the permissions for what it will do itself.

https://docs.aws.amazon.com/autoscaling/application/userguide/security-iam-permission-validation.html
"""

from __future__ import annotations

from collections.abc import Sequence

from kennel.localcloud.authorization.api_call import check_permission
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.services.application_autoscaling.resources import CONCURRENCY, VARIANTS
from kennel.localcloud.services.application_autoscaling.state import Key, Policy, validation_error

_OF_TARGETS = {
    VARIANTS: ("sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"),
    CONCURRENCY: (
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:PutProvisionedConcurrencyConfig",
        "lambda:DeleteProvisionedConcurrencyConfig",
    ),
}


def check_target(call: Call, key: Key) -> None:
    """Check that the caller may itself scale what is to be registered.

    Raises
    ------
    AwsError
        ``ValidationException``: the message names the missing permissions.
    """
    resource = key[1].partition("/variant/")[0]
    _check(call, _OF_TARGETS[key[0], key[2]], call.arn(resource, key[0]))


def check_alarms(call: Call, action: str, policy: Policy) -> None:
    """Check that the caller may itself make or delete a policy's alarms.

    Parameters
    ----------
    action
        ``cloudwatch:PutMetricAlarm`` or ``cloudwatch:DeleteAlarms``.

    Raises
    ------
    AwsError
        ``ValidationException``: the message names the missing permission.
    """
    for name in policy.alarms:
        _check(call, (action,), call.arn(f"alarm:{name}", "cloudwatch"))


def _check(call: Call, actions: Sequence[str], resource: str) -> None:
    authorizer = Authorizer(ImmediateAudit(call.cloud.audit_log))
    missing = [
        action
        for action in actions
        if not check_permission(call.request, RequiredPermission(action, resource), authorizer).allowed
    ]
    if missing:
        raise validation_error(
            f"User: {call.principal.arn} is not authorized to perform: {', '.join(missing)} "
            f"on resource: {resource}"
        )
