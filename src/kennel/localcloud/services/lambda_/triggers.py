"""Functions that moto's services trigger by themselves, e.g. by subscription filters of logs."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter.functions import lambda_backend, run_functions_with
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import read_version


def run_triggered(cloud: Cloud) -> None:
    """Let moto's triggers run functions in the local cloud's sandboxes."""

    def invoke(record: Any, event: Any) -> tuple[str, bool, str]:
        there = cloud.in_region(record.region)
        latest = lambda_backend(cloud.account, there.region).get_function(record.function_name)
        payload = event if isinstance(event, str) else json.dumps(event or {})
        try:
            result = run(there, read_version(record), reserved_concurrency(latest), payload.encode())
        except AwsError as error:
            return json.dumps({"errorType": error.code, "errorMessage": error.message}), True, ""
        return result.body.decode(), bool(result.error), result.tail.decode(errors="replace")

    run_functions_with(invoke)
