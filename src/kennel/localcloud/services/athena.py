"""Athena's workgroups, as records: moto cannot change them, and forgets when they were made.

https://docs.aws.amazon.com/athena/latest/APIReference/API_WorkGroup.html
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import describe, refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError

SERVICE, PRIMARY, MOST = "athena", "primary", 50
AUTO, NEWEST = "AUTO", "Athena engine version 3"
ENGINES = (AUTO, NEWEST)
# What a change sets as a whole, and what it takes away if a flag says so.
SET = (
    "EnforceWorkGroupConfiguration",
    "PublishCloudWatchMetricsEnabled",
    "BytesScannedCutoffPerQuery",
    "RequesterPaysEnabled",
    "AdditionalConfiguration",
    "ExecutionRole",
    "CustomerContentEncryptionConfiguration",
    "EnableMinimumEncryptionConfiguration",
    "QueryResultsS3AccessGrantsConfiguration",
    "MonitoringConfiguration",
    "EngineConfiguration",
)
# Named for its own change, and changed member by member.
NESTED = {
    "ResultConfigurationUpdates": "ResultConfiguration",
    "ManagedQueryResultsConfigurationUpdates": "ManagedQueryResultsConfiguration",
}
SPARK = refusal(
    SERVICE,
    "Spark engines of workgroups",
    f"no notebook runs here; take '{NEWEST}'",
    "InvalidRequestException",
)

describe(SERVICE, "", "workgroups with their configurations, named queries, prepared statements, catalogs")


def _find(call: Call, name: str) -> Any:
    group = call.backend().work_groups.get(name)
    if group is None:
        raise AwsError("InvalidRequestException", f"WorkGroup {name} is not found.")
    return group


@operation(SERVICE, "CreateWorkGroup")
def create_work_group(call: Call) -> dict[str, Any]:
    """Make a workgroup."""
    given, backend = call.parameters, call.backend()
    name, configuration = given["Name"], dict(given.get("Configuration") or {})
    if not re.fullmatch(r"[a-zA-Z0-9._-]{1,128}", name):
        raise AwsError("InvalidRequestException", f"WorkGroup name {name} is not valid.")
    if name in backend.work_groups:
        raise AwsError("InvalidRequestException", "WorkGroup is already created")
    configuration["EngineVersion"] = _engine(configuration.get("EngineVersion"))
    configuration.setdefault("PublishCloudWatchMetricsEnabled", True)  # moto's default is False
    tags = given.get("Tags") or []
    backend.create_work_group(name, configuration, given.get("Description"), tags)
    _find(call, name).created = call.cloud.clock.time()
    return {}


def _engine(given: dict[str, str] | None) -> dict[str, str]:
    """Return an engine's version with the one that takes effect."""
    selected = (given or {}).get("SelectedEngineVersion") or AUTO
    if selected.startswith("PySpark"):
        raise SPARK.error(f"engine '{selected}' of workgroups")
    if selected not in ENGINES:
        raise AwsError("InvalidRequestException", f"{selected} is not a valid engine version.")
    return {"SelectedEngineVersion": selected, "EffectiveEngineVersion": NEWEST}


@operation(SERVICE, "GetWorkGroup")
def get_work_group(call: Call) -> dict[str, Any]:
    """Describe a workgroup."""
    group = _find(call, call.parameters["WorkGroup"])
    return {"WorkGroup": {**_summary(group), "Configuration": group.configuration}}


def _summary(group: Any) -> dict[str, Any]:
    created = getattr(group, "created", None)  # the primary one comes with the account
    shown = {"Name": group.name, "State": group.state, "Description": group.description or ""}
    return shown | ({"CreationTime": datetime.fromtimestamp(created, UTC)} if created else {})


@operation(SERVICE, "ListWorkGroups")
def list_work_groups(call: Call) -> dict[str, Any]:
    """List workgroups by their names."""
    groups = sorted(call.backend().work_groups.items())
    begin = int(call.parameters.get("NextToken") or 0)
    end = begin + int(call.parameters.get("MaxResults") or MOST)
    shown = [
        {**_summary(group), "EngineVersion": group.configuration["EngineVersion"]}
        for _, group in groups[begin:end]
    ]
    return {"WorkGroups": shown, **({"NextToken": str(end)} if len(groups) > end else {})}


@operation(SERVICE, "UpdateWorkGroup")
def update_work_group(call: Call) -> dict[str, Any]:
    """Change what a request names of a workgroup."""
    given = call.parameters
    group, updates = _find(call, given["WorkGroup"]), given.get("ConfigurationUpdates") or {}
    configuration = dict(group.configuration)
    if "EngineVersion" in updates:
        configuration["EngineVersion"] = _engine(updates["EngineVersion"])
    configuration |= {name: updates[name] for name in SET if name in updates}
    for change, name in NESTED.items():
        if change in updates:
            configuration[name] = _changed(configuration.get(name) or {}, updates[change])
    state = given.get("State") or group.state
    if state not in ("ENABLED", "DISABLED"):
        raise AwsError("InvalidRequestException", f"{state} is not a valid state of a WorkGroup.")
    group.state, group.description = state, given.get("Description", group.description)
    group.configuration = _without_removed(configuration, updates)
    return {}


def _changed(before: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    named = {name: value for name, value in updates.items() if not name.startswith("Remove")}
    return _without_removed({**before, **named}, updates)


def _without_removed(settings: dict[str, Any], updates: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if updates.get(f"Remove{name}") is not True}


@operation(SERVICE, "DeleteWorkGroup")
def delete_work_group(call: Call) -> dict[str, Any]:
    """Delete a workgroup; with its named queries only if that is asked for."""
    backend, group = call.backend(), _find(call, call.parameters["WorkGroup"])
    if group.name == PRIMARY:
        raise AwsError("InvalidRequestException", "The primary WorkGroup cannot be deleted.")
    named = [query for query in backend.named_queries.values() if query.workgroup is group]
    statements = [each for each in backend.prepared_statements.values() if each.workgroup is group]
    if (named or statements) and not call.parameters.get("RecursiveDeleteOption"):
        raise AwsError("InvalidRequestException", f"WorkGroup {group.name} is not empty")
    for query in named:
        del backend.named_queries[query.id]
    for each in statements:
        del backend.prepared_statements[each.statement_name]
    backend.tagger.delete_all_tags_for_resource(group.arn)
    del backend.work_groups[group.name]
    return {}


@operation(SERVICE, "ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    """List the tags of what exists; moto takes what has none for missing."""
    arn, backend = call.parameters["ResourceARN"], call.backend()
    taggable = (
        *backend.work_groups.values(),
        *backend.data_catalogs.values(),
        *backend.capacity_reservations.values(),
    )
    if not any(each.arn == arn for each in taggable):
        raise AwsError("ResourceNotFoundException", f"Athena Resource, {arn} Does Not Exist")
    return {"Tags": backend.tagger.list_tags_for_resource(arn)["Tags"]}
