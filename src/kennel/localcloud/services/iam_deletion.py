"""IAM: what others still depend on is not deleted; moto deletes users, groups and policies all the same.

Source: IAM API reference, DeleteUser, DeleteGroup, DeletePolicy.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

# What keeps a user, in the order in which IAM looks; moto checks policies itself.
OF_USERS = {
    "access_keys": "must delete access keys first",
    "password": "must delete login profile first",
    "mfa_devices": "must delete MFA device first",
    "signing_certificates": "must delete signing certificates first",
    "ssh_public_keys": "must delete SSH public keys first",
    "group_list": "must remove users from group first",
}
OF_GROUPS = {
    "users": "must remove users from group first",
    "managed_policies": "must detach all policies first",
    "policies": "must delete policies first",
}
VERSIONS = (
    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
    "versions. The default version is deleted with the policy."
)


@operation("iam", "DeleteUser")
def delete_user(call: Call) -> Response:
    """Delete a user that has nothing left."""
    _check(call.backend().get_user(call.parameters["UserName"]), OF_USERS)
    return call.ask_moto()


@operation("iam", "DeleteGroup")
def delete_group(call: Call) -> Response:
    """Delete a group without users and policies."""
    _check(call.backend().get_group(call.parameters["GroupName"]), OF_GROUPS)
    return call.ask_moto()


@operation("iam", "DeletePolicy")
def delete_policy(call: Call) -> Response:
    """Delete a policy that is attached to nothing, bounds nobody and has one version."""
    backend, arn = call.backend(), call.parameters["PolicyArn"]
    policy = backend.get_policy(arn)
    bounded = (*backend.roles.values(), *backend.users.values())
    bounds = any(_boundary(each) == arn for each in bounded)
    if policy.attachment_count > 0 or bounds:
        raise AwsError("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if len(policy.versions) > 1:
        raise AwsError("DeleteConflict", VERSIONS, 409)
    return call.ask_moto()


def _boundary(record: Any) -> str | None:
    arn: str | None = getattr(record, "permissions_boundary_arn", None)
    return arn


def _check(record: Any, dependents: dict[str, str]) -> None:
    for name, remedy in dependents.items():
        if getattr(record, name):
            raise AwsError("DeleteConflict", f"Cannot delete entity, {remedy}.", 409)
