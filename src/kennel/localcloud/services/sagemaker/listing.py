"""Lists of jobs, in the order and the pages that a request asks for.

moto cuts pages before it filters, ignores the order, and fails to compare times.

Sources: SageMaker API reference, ListTrainingJobs, ListProcessingJobs, ListTransformJobs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

PAGE_SIZE, LARGEST_PAGE = 10, 100  # where the request has none, and the most that it may ask for
ORDERS = ("Ascending", "Descending")
PAGING = ("MaxResults", "NextToken")
TIMES = ("CreationTimeAfter", "CreationTimeBefore", "LastModifiedTimeAfter", "LastModifiedTimeBefore")


@dataclass(frozen=True)
class Listing:
    """An operation that lists jobs of a kind.

    Attributes
    ----------
    member
        The response's list.
    kind
        The beginning of its members' names, as in ``TrainingJobName``.
    order
        Of the time of creation, where the request has none.
    """

    member: str
    kind: str
    order: str

    @property
    def keys(self) -> dict[str, str]:
        """The summaries' members by what a request may sort them by."""
        return {"Name": f"{self.kind}Name", "CreationTime": "CreationTime", "Status": f"{self.kind}Status"}


LISTINGS = {
    "ListProcessingJobs": Listing("ProcessingJobSummaries", "ProcessingJob", "Ascending"),
    "ListTrainingJobs": Listing("TrainingJobSummaries", "TrainingJob", "Ascending"),
    "ListTransformJobs": Listing("TransformJobSummaries", "TransformJob", "Descending"),
}


@operation("sagemaker", *LISTINGS)
def list_page(call: Call) -> Response:
    """List the jobs that the request asks for."""
    listing = LISTINGS[call.operation]
    asked: dict[str, Any] = json.loads(call.body)
    key, order = _checked(asked, listing)
    times = {name: asked[name] for name in TIMES if name in asked}
    filters = {name: value for name, value in asked.items() if name not in (*PAGING, *times)}
    summaries = [each for each in _everything(call, filters, listing.member) if _within(each, times)]
    summaries.sort(key=lambda summary: summary[key], reverse=order == "Descending")
    begin = asked.get("NextToken") or "0"
    if not begin.isdigit() or int(begin) > len(summaries):
        raise AwsError("ValidationException", "Invalid pagination token.")
    end = int(begin) + int(asked.get("MaxResults") or PAGE_SIZE)
    page = {listing.member: summaries[int(begin) : end]}
    return call.json(page | ({"NextToken": str(end)} if end < len(summaries) else {}))


def _checked(asked: dict[str, Any], listing: Listing) -> tuple[str, str]:
    """Return by which member to sort, and in which order.

    Raises
    ------
    AwsError
        ``ValidationException``: SDKs do not check these values.
    """
    count = asked.get("MaxResults", PAGE_SIZE)
    bound = f"less than or equal to {LARGEST_PAGE}" if count > PAGE_SIZE else "greater than or equal to 1"
    problems = [] if 1 <= count <= LARGEST_PAGE else [("maxResults", count, f"have value {bound}")]
    sort_by, order = asked.get("SortBy", "CreationTime"), asked.get("SortOrder", listing.order)
    for name, value, valid in (("sortBy", sort_by, listing.keys), ("sortOrder", order, ORDERS)):
        if value not in valid:
            problems.append((name, value, f"satisfy enum value set: [{', '.join(valid)}]"))
    if problems:
        described = "; ".join(
            f"Value '{value}' at '{name}' failed to satisfy constraint: Member must {rule}"
            for name, value, rule in problems
        )
        noun = "error" if len(problems) == 1 else "errors"
        raise AwsError("ValidationException", f"{len(problems)} validation {noun} detected: {described}")
    return listing.keys[sort_by], order


def _everything(call: Call, filters: dict[str, Any], member: str) -> list[dict[str, Any]]:
    """Return the summaries that match, of all of moto's pages."""
    summaries: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = call.ask_moto_json(json.dumps(filters | token).encode())
        summaries += page[member]
        if not page.get("NextToken"):
            return summaries
        token = {"NextToken": page["NextToken"]}


def _within(summary: dict[str, Any], times: dict[str, float]) -> bool:
    """Whether a summary's times, in seconds since the epoch, are those that were asked for."""
    for name, limit in times.items():
        if name.endswith("After"):
            within = summary[name.removesuffix("After")] > limit
        else:
            within = summary[name.removesuffix("Before")] < limit
        if not within:
            return False
    return True
