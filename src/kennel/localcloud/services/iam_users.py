"""IAM: what moto lacks of users: boundaries, credentials of single services, the time of a report."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refuse
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.protocol.messages import AwsError, Response

refuse("iam", "no service here takes them; use access keys", "CreateServiceSpecificCredential")


@operation("iam", "ListServiceSpecificCredentials")
def list_service_specific_credentials(call: Call) -> dict[str, Any]:
    """Return none, which there are none of; Terraform asks before it deletes a user."""
    call.backend().get_user(call.parameters.get("UserName") or call.principal.name)
    return {"ServiceSpecificCredentials": []}


@operation("iam", "CreateUser")
def create_user(call: Call) -> dict[str, Any] | Response:
    """Create a user, with a boundary if the request names one."""
    boundary = call.parameters.get("PermissionsBoundary")
    if boundary:
        _check_policy(boundary)
    response = call.ask_moto()
    if not boundary or not response.ok:
        return response
    user = call.backend().users[call.parameters["UserName"]]
    user.permissions_boundary_arn = boundary
    return {"User": _described(call, user)}


@operation("iam", "GetUser")
def get_user(call: Call) -> dict[str, Any] | Response:
    """Return a user, with its boundary."""
    user = call.backend().users.get(call.parameters.get("UserName") or call.principal.name)
    if user is None or not getattr(user, "permissions_boundary_arn", None):
        return call.ask_moto()
    return {"User": _described(call, user)}


@operation("iam", "PutUserPermissionsBoundary")
def put_user_permissions_boundary(call: Call) -> dict[str, Any]:
    """Set a user's boundary."""
    user = call.backend().get_user(call.parameters["UserName"])
    _check_policy(call.parameters["PermissionsBoundary"])
    user.permissions_boundary_arn = call.parameters["PermissionsBoundary"]
    return {}


@operation("iam", "DeleteUserPermissionsBoundary")
def delete_user_permissions_boundary(call: Call) -> dict[str, Any]:
    """Take a user's boundary away."""
    call.backend().get_user(call.parameters["UserName"]).permissions_boundary_arn = None
    return {}


@operation("iam", "GetCredentialReport")
def get_credential_report(call: Call) -> dict[str, Any]:
    """Return the report of users as they are now, and that time; moto's is of 2015."""
    content = call.backend().get_credential_report()
    return {
        "Content": content.encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": call.cloud.clock.now(),
    }


def _check_policy(arn: str) -> None:
    if policy_store.managed_policy(arn) is None:
        raise AwsError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


def _described(call: Call, user: Any) -> dict[str, Any]:
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.create_date,
        "Tags": call.backend().list_user_tags(user.name),
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": user.permissions_boundary_arn,
        },
    }
