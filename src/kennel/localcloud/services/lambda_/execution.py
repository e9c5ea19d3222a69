"""One execution of a function: admitted or throttled, run in a sandbox, counted in CloudWatch."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from kennel.localcloud import LocalCloudError
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime import cloudwatch_metrics as metrics
from kennel.localcloud.services.lambda_.deployment import Deployment
from kennel.localcloud.services.lambda_.pool import sandbox_pool
from kennel.localcloud.services.lambda_.sandbox import Outcome

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud


def reserved(latest: Any) -> int | None:
    """Return a function's reserved concurrency, which moto keeps with its latest version."""
    value = latest.reserved_concurrency
    return None if value is None else int(value)


def run(
    cloud: Cloud,
    deployment: Deployment,
    reserved_concurrency: int | None,
    payload: bytes,
    client_context: str = "",
    request_id: str | None = None,
) -> Outcome:
    """Run an event now, and publish the metrics that Lambda publishes.

    Raises
    ------
    AwsError
        Throttled, or the sandbox cannot be made: ``AccessDeniedException`` when the role cannot be assumed.
    """
    pool, dimensions = sandbox_pool(cloud), {"FunctionName": deployment.name}
    request_id = request_id or str(uuid.uuid4())
    try:
        with pool.admitted(deployment.name, reserved_concurrency):
            concurrent = pool.busy(deployment.name)
            outcome = pool.invoke(deployment, payload, client_context, request_id)
    except LocalCloudError as error:
        raise AwsError("ServiceException", str(error), 500) from error
    except AwsError as error:
        if error.code == "TooManyRequestsException":
            metrics.publish(cloud, "AWS/Lambda", dimensions, Throttles=1)
        if error.code == "AccessDenied":
            message = "The role defined for the function cannot be assumed by Lambda."
            raise AwsError("AccessDeniedException", message, 403) from error
        raise
    metrics.publish(
        cloud,
        "AWS/Lambda",
        dimensions,
        Invocations=1,
        Errors=int(bool(outcome.error)),
        Throttles=0,
        Duration=outcome.seconds * 1000,
        ConcurrentExecutions=concurrent,
    )
    return outcome
