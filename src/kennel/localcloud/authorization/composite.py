"""Services whose actions are not their operations: API Gateway's are methods, DynamoDB's may be parts.

Source: AWS Service Authorization Reference, and the DynamoDB developer guide, "IAM policies for PartiQL".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.authorization.resource_types import bound_resources
from kennel.localcloud.authorization.tagging import tagging_permissions
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter.service_descriptions import method_and_path

SERVICES = ("apigateway", "dynamodb")
# The parts of a transaction, and the action of each.
PARTS = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
# A PartiQL statement: its verb, and the table, which may be quoted and have an index behind it.
PARTIQL = re.compile(
    r"""\s*(?:(?P<select>select)\s(?:[^"']|"[^"]*"|'[^']*')*?\bfrom\s+|(?P<insert>insert)\s+into\s+"""
    r"""|(?P<update>update)\s+|(?P<delete>delete)\s+from\s+)"""
    r"""(?:"(?P<quoted>[^"]+)"|(?P<table>[\w-]+))(?:\.(?:"(?P<quoted_index>[^"]+)"|(?P<index>[\w-]+)))?""",
    re.IGNORECASE,
)
# Where the operations that take PartiQL have it.
STATEMENTS = {"BatchExecuteStatement": "Statements", "ExecuteTransaction": "TransactStatements"}


def permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return what a call of one of `SERVICES` requires."""
    if request.service == "apigateway":
        method, path = method_and_path(request.service, request.operation, request.parameters)
        return [RequiredPermission(f"apigateway:{method}", f"arn:aws:apigateway:{request.region}::{path}")]
    if request.operation in ("TransactGetItems", "TransactWriteItems"):
        return list(_transaction(request))
    if request.operation in ("ExecuteStatement", *STATEMENTS):
        return list(_partiql(request))
    action = f"dynamodb:{request.operation}"
    resources = _tables(request) or bound_resources(action, request) or ["*"]
    return [RequiredPermission(action, arn) for arn in resources] + tagging_permissions(request, resources[0])


def _tables(request: ApiRequest) -> list[str]:
    """Return the tables of a batch, whose names are keys of a map, and the index of a query."""
    items = request.parameters.get("RequestItems")
    if isinstance(items, dict):
        return [_table(request, name) for name in items]
    table, index = request.parameters.get("TableName"), request.parameters.get("IndexName")
    if table and index and request.operation in ("Query", "Scan"):
        return [f"{_table(request, table)}/index/{index}"]
    return []


def _table(request: ApiRequest, name: str) -> str:
    return name if name.startswith("arn:") else request.arn(f"table/{name}")


def _transaction(request: ApiRequest) -> Iterator[RequiredPermission]:
    for item in request.parameters.get("TransactItems") or []:
        for part, action in PARTS.items():
            if item.get(part):
                yield RequiredPermission(
                    f"dynamodb:{action}", _table(request, item[part].get("TableName", "*"))
                )


def _partiql(request: ApiRequest) -> Iterator[RequiredPermission]:
    """Yield the permission of each statement; one that cannot be read may be any of them, on every table."""
    items: list[Any] = request.parameters.get(STATEMENTS.get(request.operation, "")) or [request.parameters]
    for item in items:
        statement = PARTIQL.match(item.get("Statement") or "")
        if statement is None:
            for verb in ("Delete", "Insert", "Select", "Update"):
                yield RequiredPermission(f"dynamodb:PartiQL{verb}", request.arn("table/*"))
            continue
        resource = _table(request, statement["quoted"] or statement["table"])
        if index := statement["quoted_index"] or statement["index"]:
            resource += f"/index/{index}"
        verb = next(verb for verb in ("select", "insert", "update", "delete") if statement[verb])
        yield RequiredPermission(f"dynamodb:PartiQL{verb.capitalize()}", resource)
