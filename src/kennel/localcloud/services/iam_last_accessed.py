"""IAM's last-accessed data: what a role or user may use, and when it last did, from the audit log.

As on AWS, a job is made and asked for. Here it is complete at once. AWS tracks the actions of some services
only; here every action counts that a policy names without a wildcard, or that was called.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.audit_log import AuditEntry
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import TransientStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.policy.principal import Principal
from kennel.localcloud.protocol.messages import AwsError


@dataclass(frozen=True)
class AccessJob:
    """A job: whose access it reports, and how finely."""

    principal: Principal
    granularity: str
    created: datetime.datetime


@dataclass
class AccessJobs(TransientStore):
    """The jobs by their ids. AWS forgets them after seven days, the local cloud when it stops."""

    by_id: dict[str, AccessJob] = field(default_factory=dict)


@operation("iam", "GenerateServiceLastAccessedDetails")
def generate_service_last_accessed_details(call: Call) -> dict[str, Any]:
    """Make a job about a role or user."""
    principal = _principal(call, call.parameters["Arn"])
    granularity = call.parameters.get("Granularity", "SERVICE_LEVEL")
    job = str(uuid.uuid4())
    now = datetime.datetime.now(datetime.UTC)
    call.cloud.store(AccessJobs).by_id[job] = AccessJob(principal, granularity, now)
    return {"JobId": job}


@operation("iam", "GetServiceLastAccessedDetails")
def get_service_last_accessed_details(call: Call) -> dict[str, Any]:
    """Return what a job's principal may use, with the time of the last allowed call."""
    job = call.cloud.store(AccessJobs).by_id.get(call.parameters["JobId"])
    if job is None:
        raise AwsError("NoSuchEntity", f"There is no job {call.parameters['JobId']}.", 404)
    last = _last_calls(call, job.principal)
    granted = set(_granted(job.principal))
    prefixes = {action.partition(":")[0].lower() for action in granted if ":" in action}
    if "*" in granted:
        prefixes |= {action.partition(":")[0] for action in last}
    named = {action for action in granted if "*" not in action and "?" not in action}
    return {
        "JobStatus": "COMPLETED",
        "JobType": job.granularity,
        "JobCreationDate": job.created,
        "JobCompletionDate": job.created,
        "IsTruncated": False,
        "ServicesLastAccessed": [
            _service(call, job, prefix, last, named) for prefix in sorted(prefixes - {"*"})
        ],
    }


def _principal(call: Call, arn: str) -> Principal:
    role = policy_store.role(arn)
    if role:
        return Principal("role", arn, account=call.account, name=role.name, role_arn=arn)
    user = next((user for user in call.backend().users.values() if user.arn == arn), None)
    if user:
        return Principal("user", arn, account=call.account, name=user.name)
    if ":group/" in arn or ":policy/" in arn:
        raise AwsError("NotImplemented", "The local cloud has this data of roles and users only.", 501)
    raise AwsError("NoSuchEntity", f"ARN {arn} is not valid.", 404)


def _granted(principal: Principal) -> Iterator[str]:
    """Yield the actions, with wildcards, that the principal's policies allow; ``*`` for a NotAction."""
    for policy in policy_store.principal_policies(principal).identity:
        for statement in policy.statements:
            if statement.elements.get("Effect") == "Allow":
                actions = statement.elements.get("Action", "*")
                yield from actions if isinstance(actions, list) else [actions]


def _last_calls(call: Call, principal: Principal) -> dict[str, AuditEntry]:
    """Return the last allowed call by action."""
    session = f":assumed-role/{principal.name}/"
    return {
        entry.action: entry
        for entry in call.cloud.audit_log.entries()
        if entry.decision != "deny"
        and (entry.principal == principal.arn or (principal.role_arn and session in entry.principal))
    }


def _service(
    call: Call, job: AccessJob, prefix: str, last: dict[str, AuditEntry], named: set[str]
) -> dict[str, Any]:
    calls = {action: entry for action, entry in last.items() if action.partition(":")[0] == prefix}
    service: dict[str, Any] = {
        "ServiceName": prefix,
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": int(bool(calls)),
    }
    if calls:
        newest = max(calls.values(), key=lambda entry: entry.time)
        service |= {
            "LastAuthenticated": datetime.datetime.fromisoformat(newest.time),
            "LastAuthenticatedEntity": job.principal.arn,
            "LastAuthenticatedRegion": call.cloud.region,
        }
    if job.granularity == "ACTION_LEVEL":
        actions = sorted({*calls, *(name for name in named if name.partition(":")[0] == prefix)})
        service["TrackedActionsLastAccessed"] = [
            _action(call, job, action, calls.get(action)) for action in actions
        ]
    return service


def _action(call: Call, job: AccessJob, action: str, entry: AuditEntry | None) -> dict[str, Any]:
    tracked: dict[str, Any] = {"ActionName": action.partition(":")[2]}
    if entry:
        tracked |= {
            "LastAccessedEntity": job.principal.arn,
            "LastAccessedRegion": call.cloud.region,
            "LastAccessedTime": datetime.datetime.fromisoformat(entry.time),
        }
    return tracked
