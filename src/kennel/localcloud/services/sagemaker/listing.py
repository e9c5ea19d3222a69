"""Lists of training and processing jobs: moto ignores their order, and cuts pages before it filters."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

PAGE_SIZE = 10  # SageMaker's, where the request has none


@operation("sagemaker", "ListTrainingJobs")
def list_training_jobs(call: Call) -> Response:
    """List training jobs in the order and the pages that the request asks for."""
    return _page(call, "TrainingJob")


@operation("sagemaker", "ListProcessingJobs")
def list_processing_jobs(call: Call) -> Response:
    """List processing jobs in the order and the pages that the request asks for."""
    return _page(call, "ProcessingJob")


def _page(call: Call, kind: str) -> Response:
    asked: dict[str, Any] = json.loads(call.body)
    everything = {name: value for name, value in asked.items() if name not in ("MaxResults", "NextToken")}
    if "MaxResults" in asked:
        call.ask_moto_json(json.dumps({"MaxResults": asked["MaxResults"]}).encode())  # moto checks it
    summaries = call.ask_moto_json(json.dumps(everything).encode())[f"{kind}Summaries"]
    member = {"Name": f"{kind}Name", "Status": f"{kind}Status"}.get(asked.get("SortBy", ""), "CreationTime")
    summaries.sort(key=lambda summary: summary[member], reverse=asked.get("SortOrder") == "Descending")
    token = asked.get("NextToken") or "0"
    if not token.isdigit() or int(token) > len(summaries):
        raise AwsError("ValidationException", "Invalid pagination token.")
    end = int(token) + int(asked.get("MaxResults") or PAGE_SIZE)
    page = {f"{kind}Summaries": summaries[int(token) : end]}
    return call.json(page | ({"NextToken": str(end)} if end < len(summaries) else {}))
