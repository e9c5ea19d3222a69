"""One execution of a function: admitted or throttled, run in a sandbox, counted in CloudWatch."""

from __future__ import annotations

import uuid
from typing import Any

from kennel.localcloud import LocalCloudError
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_ import function_metrics as metrics
from kennel.localcloud.services.lambda_.function_version import FunctionVersion
from kennel.localcloud.services.lambda_.pool import sandbox_pool
from kennel.localcloud.services.lambda_.sandbox import InvocationResult


def reserved_concurrency(latest: Any) -> int | None:
    """Return a function's reserved concurrency, which moto keeps with its latest version."""
    value = latest.reserved_concurrency
    return None if value is None else int(value)


def run(
    cloud: Cloud,
    version: FunctionVersion,
    reserved: int | None,
    payload: bytes,
    client_context: str = "",
    request_id: str | None = None,
    qualifier: str | None = None,
) -> InvocationResult:
    """Run an event now, and publish the metrics that Lambda publishes.

    Parameters
    ----------
    cloud, version
        The local cloud, and the version to run.
    reserved
        The function's reserved concurrency, or None.
    payload, client_context
        The event, as JSON, and the invocation's client context.
    request_id
        A new one by default.
    qualifier
        The version or alias that the caller named.

    Raises
    ------
    AwsError
        Throttled, or the sandbox cannot be created: ``AccessDeniedException`` if Lambda may not assume the
        role.
    """
    pool, name = sandbox_pool(cloud), version.name
    request_id = request_id or str(uuid.uuid4())
    try:
        with pool.admitted(name, reserved), metrics.counted(cloud, name, qualifier):
            concurrent = pool.busy(name)
            arn = ":".join(version.arn.split(":")[:7] + ([qualifier] if qualifier else []))
            result = pool.invoke(version, payload, client_context, request_id, arn)
    except LocalCloudError as error:
        raise AwsError("ServiceException", str(error), 500) from error
    except AwsError as error:
        if error.code == "TooManyRequestsException":
            metrics.publish(cloud, name, qualifier, Throttles=1)
        if error.code == "AccessDenied":
            message = "The role defined for the function cannot be assumed by Lambda."
            raise AwsError("AccessDeniedException", message, 403) from error
        raise
    metrics.publish(
        cloud,
        name,
        qualifier,
        Invocations=1,
        Errors=int(bool(result.error)),
        Throttles=0,
        Duration=result.seconds * 1000,
        ConcurrentExecutions=concurrent,
    )
    return result
