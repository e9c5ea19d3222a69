"""Logs Insights: saved queries.

Source: CloudWatch Logs API reference, PutQueryDefinition, DescribeQueryDefinitions, DeleteQueryDefinition.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import KeptStore
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError

MOST_IN_ONE_ANSWER = 1000
MOST_GROUPS = 50
LONGEST_NAME, LONGEST_QUERY = 255, 10_000  # characters


@dataclass
class QueryDefinitions(KeptStore):
    """The saved queries of a region, as they are shown, by their ids."""

    by_id: dict[str, dict[str, Any]] = field(default_factory=dict)


@operation("logs", "PutQueryDefinition")
def put_query_definition(call: Call) -> dict[str, Any]:
    """Save a query, or replace the one whose id the request names."""
    parameters = call.parameters
    name, query = parameters["name"], parameters["queryString"]
    groups = parameters.get("logGroupNames") or []
    if not 1 <= len(name) <= LONGEST_NAME:
        raise _invalid(f"'name' must have 1 to {LONGEST_NAME} characters")
    if len(query) > LONGEST_QUERY:
        raise _invalid(f"'queryString' must have {LONGEST_QUERY} characters at most")
    if len(groups) > MOST_GROUPS:
        raise _invalid(f"a query definition has {MOST_GROUPS} log groups at most")
    identifier = parameters.get("queryDefinitionId") or str(uuid.uuid4())
    definition = {
        "queryDefinitionId": identifier,
        "name": name,
        "queryString": query,
        "lastModified": int(call.cloud.clock.time() * 1000),
        "logGroupNames": groups,
        "queryLanguage": parameters.get("queryLanguage", "CWLI"),
    }
    if parameters.get("parameters"):
        definition["parameters"] = parameters["parameters"]
    with call.cloud.lock:
        definitions = call.cloud.store(QueryDefinitions).by_id
        if parameters.get("queryDefinitionId") and identifier not in definitions:
            raise _unknown(identifier)
        definitions[identifier] = definition
    return {"queryDefinitionId": identifier}


@operation("logs", "DescribeQueryDefinitions")
def describe_query_definitions(call: Call) -> dict[str, Any]:
    """List the saved queries, by name, in pages."""
    parameters = call.parameters
    prefix, language = parameters.get("queryDefinitionNamePrefix", ""), parameters.get("queryLanguage")
    with call.cloud.lock:
        definitions = list(call.cloud.store(QueryDefinitions).by_id.values())
    definitions = [
        each
        for each in definitions
        if each["name"].startswith(prefix) and language in (None, each["queryLanguage"])
    ]
    definitions.sort(key=lambda each: (each["name"], each["queryDefinitionId"]))
    token, size = parameters.get("nextToken", "0"), parameters.get("maxResults", MOST_IN_ONE_ANSWER)
    if not token.isdecimal() or not 1 <= size <= MOST_IN_ONE_ANSWER:
        raise _invalid(f"'nextToken' must come from an answer, 'maxResults' be 1 to {MOST_IN_ONE_ANSWER}")
    start = int(token)
    answer: dict[str, Any] = {"queryDefinitions": definitions[start : start + size]}
    if start + size < len(definitions):
        answer["nextToken"] = str(start + size)
    return answer


@operation("logs", "DeleteQueryDefinition")
def delete_query_definition(call: Call) -> dict[str, Any]:
    """Remove a saved query."""
    identifier = call.parameters["queryDefinitionId"]
    with call.cloud.lock:
        removed = call.cloud.store(QueryDefinitions).by_id.pop(identifier, None)
    if removed is None:
        raise _unknown(identifier)
    return {"success": True}


def _invalid(reason: str) -> AwsError:
    return AwsError("InvalidParameterException", f"The request is not valid: {reason}.")


def _unknown(identifier: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The query definition {identifier} does not exist.")
