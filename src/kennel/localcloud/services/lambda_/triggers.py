"""Functions that other services trigger: a queue's messages, a bucket's notifications, a topic's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_.execution import reserved, run
from kennel.localcloud.services.lambda_.invoke import deployed

if TYPE_CHECKING:
    from kennel.localcloud.dispatch.cloud import Cloud


def run_triggered(cloud: Cloud) -> None:
    """Let moto's own triggers run functions here, where moto would start Docker."""
    from moto.awslambda.models import LambdaFunction, lambda_backends

    def invoke(self: Any, event: Any = None) -> tuple[str, bool, str]:
        """Return the answer, whether it is an error, and the log, as moto's own method does."""
        latest = lambda_backends[cloud.account][cloud.region].get_function(self.function_name)
        payload = event if isinstance(event, str) else json.dumps(event or {})
        try:
            outcome = run(cloud, deployed(self), reserved(latest), payload.encode())
        except AwsError as error:
            return json.dumps({"errorType": error.code, "errorMessage": error.message}), True, ""
        return outcome.body.decode(), bool(outcome.error), outcome.tail.decode(errors="replace")

    LambdaFunction._invoke_lambda = invoke  # type: ignore[method-assign] # that is the point
