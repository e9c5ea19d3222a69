"""Authorization of an API call: each permission that it requires is checked, up to the first denial."""

from __future__ import annotations

from kennel.localcloud.authorization import one_resource
from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.context import request_context, s3_context
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.policy_documents import refuse_invalid_policies
from kennel.localcloud.authorization.required_permissions import required_permissions
from kennel.localcloud.authorization.resource_keys import resource_keys
from kennel.localcloud.authorization.s3 import check_owner
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import acls
from kennel.localcloud.policy.evaluate import Decision
from kennel.localcloud.protocol.messages import AwsError

# Services whose error for a denied call has a name of its own.
ACCESS_DENIED_CODES = {"sns": "AuthorizationError", "ec2": "UnauthorizedOperation"}


def authorize(request: ApiRequest, authorizer: Authorizer) -> None:
    """Check every permission that a call requires.

    Raises
    ------
    AwsError
        A permission is denied, or the call puts a policy that is not valid; the error is the one that AWS
        returns for the called service.
    """
    check_owner(request)
    permissions = required_permissions(request)
    if not permissions:
        decision = Decision("allowed", "needs no permission")
        authorizer.report(request.principal, action_name(request.service, request.operation), "*", decision)
    for permission in permissions:
        decision = check_permission(request, permission, authorizer)
        if not decision.allowed:
            raise access_denied(request, permission, decision)
    one_resource.check(request)
    refuse_invalid_policies(request)


def check_permission(request: ApiRequest, permission: RequiredPermission, authorizer: Authorizer) -> Decision:
    """Check one permission for the caller of a request, in the request's context."""
    context = request_context(request)
    if request.service == "s3":
        context.update(s3_context(request))
    return authorizer.check(
        request.principal,
        permission.action,
        permission.resource,
        {**context, **resource_keys(request, permission.resource), **permission.context},
        resource_policy=permission.resource_policy,
    )


def access_denied(request: ApiRequest, permission: RequiredPermission, decision: Decision) -> AwsError:
    """Return AWS's error for a denied permission, with its message and status."""
    if permission.action.startswith("s3:") and request.service == "s3" and _lacks_bucket(request):
        return AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
    resource = f'"{permission.resource}"' if request.service == "s3" else permission.resource
    message = (
        f"User: {request.principal.arn} is not authorized to perform: {permission.action} "
        f"on resource: {resource} {decision.reason}"
    )
    if request.principal.kind == "federated":
        message = f"Not authorized to perform {permission.action}"
    if request.service == "ec2":
        message = f"You are not authorized to perform this operation. {message}"
    if request.service in ACCESS_DENIED_CODES:
        return AwsError(ACCESS_DENIED_CODES[request.service], message, 403)
    # A service that moved from the query protocol to JSON kept its codes and statuses.
    if request.protocol in ("rest-xml", "query") or request.query_compatible:
        return AwsError("AccessDenied", message, 403)
    # JSON services return 400, REST-JSON ones (Lambda, SageMaker's runtime, X-Ray) 403.
    return AwsError("AccessDeniedException", message, 403 if request.protocol == "rest-json" else 400)


def _lacks_bucket(request: ApiRequest) -> bool:
    bucket = request.parameters.get("Bucket", "")
    return bucket != "" and request.operation != "CreateBucket" and not acls.bucket_exists(bucket)
