"""Calls from CloudTrail's events: from files as it delivers them, or by LookupEvents.

An event has the API's name, not IAM's action, and rarely its resources: what a call requires is asked of the
local cloud's map. Events have no condition keys. Reads and writes of objects, invocations and messages are
data events, which a trail records only if it is set to; LookupEvents never returns them (CloudTrail user
guide, "Logging data events").
"""

from __future__ import annotations

import datetime
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kennel.audit import AuditError
from kennel.audit.access.recorded import ASSUMED_ROLE, Call, Recording, counted

# What error codes of denied calls contain: AccessDeniedException, Client.UnauthorizedOperation, …
_DENIALS = ("AccessDenied", "UnauthorizedOperation", "AuthorizationError")
_DENIED_ON = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?"
)
_VERSION = re.compile(r"20\d{6}(v\d+)?$")  # Lambda's event names: GetFunction20150331v2
RESULTS = 50  # of a page of LookupEvents, the most that it returns


class PermissionMap(Protocol):
    """Says which permissions a call requires; the local cloud's own, given by the task."""

    def __call__(
        self, service: str, operation: str, parameters: Mapping[str, Any], region: str, account: str
    ) -> Sequence[tuple[str, str]]:
        """Return actions and ARNs; the ARN is ``*`` where the parameters do not say."""


def of_file(path: Path, permissions: PermissionMap) -> Recording:
    """Read the roles' calls from a file of CloudTrail's, JSON or gzipped JSON.

    Raises
    ------
    AuditError
        The file is not such a file.
    """
    try:
        content = path.read_bytes()
        document = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
        events = document["Records"]
        calls = [call for event in events for call in _calls(event, permissions)]
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditError(
            f"{path} is no file of CloudTrail events ({type(error).__name__}): give a file as CloudTrail "
            'delivers it, {"Records": […]}, gzipped or not'
        ) from error
    return counted(calls, str(path), conditions=False)


def look_up(client: Any, hours: float, permissions: PermissionMap) -> Recording:
    """Ask CloudTrail for the management events of the last hours, and keep those by roles.

    Parameters
    ----------
    client
        A boto3 client of CloudTrail; it requires ``cloudtrail:LookupEvents``.
    """
    end = datetime.datetime.now(datetime.UTC)
    begin = end - datetime.timedelta(hours=hours)
    pages = client.get_paginator("lookup_events").paginate(
        StartTime=begin, EndTime=end, PaginationConfig={"PageSize": RESULTS}
    )
    events = (json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"])
    calls = [call for event in events for call in _calls(event, permissions)]
    return counted(calls, f"CloudTrail's events since {begin:%Y-%m-%d %H:%M} UTC", conditions=False)


def _calls(event: Mapping[str, Any], permissions: PermissionMap) -> Iterator[Call]:
    """Yield the checks of an event; of a denied one only that which was denied."""
    role = _role(event.get("userIdentity") or {})
    if not role:
        return
    prefix = event["eventSource"].removesuffix(".amazonaws.com")
    operation = _VERSION.sub("", event["eventName"])
    error = event.get("errorCode") or ""
    if any(word in error for word in _DENIALS):
        message = event.get("errorMessage") or error
        denied = _DENIED_ON.search(message)
        action = denied["action"] if denied else f"{prefix}:{operation}"
        resource = (denied["resource"] or "").rstrip(".") if denied else ""
        yield Call(
            role, action, resource or None, False, context=None, reason=message, time=event["eventTime"]
        )
        return
    arns = [item["ARN"] for item in event.get("resources") or [] if item.get("ARN")]
    parameters = event.get("requestParameters") or {}
    account = event.get("recipientAccountId", "")
    for action, resource in permissions(prefix, operation, parameters, event["awsRegion"], account):
        named = _named(action, arns) if "*" in resource else [resource]
        for arn in named or [None]:
            yield Call(role, action, arn, True, context=None, time=event["eventTime"])


def _role(identity: Mapping[str, Any]) -> str:
    """Return the name of the role whose session called; empty for other callers."""
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    if identity.get("type") != "AssumedRole":
        return ""
    return str(issuer.get("userName") or identity["arn"].partition(ASSUMED_ROLE)[2].partition("/")[0])


def _named(action: str, arns: Sequence[str]) -> list[str | None]:
    """Return the resources that an event names, as far as they are of an action's service."""
    service = action.partition(":")[0]
    return [arn for arn in arns if arn.split(":")[2:3] == [service]]
