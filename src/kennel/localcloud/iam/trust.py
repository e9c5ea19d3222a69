"""Trust policies: who may assume a role, and the sessions that come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kennel.localcloud.call import AwsError

if TYPE_CHECKING:
    from kennel.localcloud.cloud import Cloud


def find_role(cloud: Cloud, role_arn: str) -> Any:
    """moto's role with an ARN, or None."""
    from moto.iam.models import iam_backends

    roles = iam_backends[cloud.account]["aws"].roles
    return next((role for role in roles.values() if role.arn == role_arn), None)


def assume_for_service(
    cloud: Cloud, role_arn: str, service: str, session_name: str | None, seconds: int
) -> Any:
    """Mint a session of a role for a service of AWS."""
    from moto.sts.models import sts_backends

    if find_role(cloud, role_arn) is None:
        raise AwsError("AccessDenied", f"{service} cannot assume {role_arn}: there is no such role.", 403)
    return sts_backends[cloud.account]["aws"].assume_role(
        region_name=cloud.region,
        role_session_name=session_name or service.split(".")[0],
        role_arn=role_arn,
        policy="",
        duration=seconds,
        external_id="",
    )
