"""DynamoDB: tables are ready at once, and the answers still say what began, as DynamoDB's do.

moto answers as if everything had ended before the call, and fails to export a table that there is not.
Source: DynamoDB API reference, CreateTable, UpdateTable, DeleteTable, GlobalSecondaryIndexDescription.
"""

from __future__ import annotations

from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response

BEGUN = {"Create": "CREATING", "Update": "UPDATING", "Delete": "DELETING"}
DESCRIPTION, INDEXES = "TableDescription", "GlobalSecondaryIndexes"


@operation("dynamodb", "CreateTable", "RestoreTableFromBackup", "RestoreTableToPointInTime")
def create_table(call: Call) -> Response:
    """Make a table; whoever describes it next sees that it is active."""
    document = call.ask_moto_json()
    table = document[DESCRIPTION]
    table["TableStatus"] = BEGUN["Create"]
    for index in table.get(INDEXES) or []:
        index["IndexStatus"] = BEGUN["Create"]
    return call.json(document)


@operation("dynamodb", "UpdateTable")
def update_table(call: Call) -> Response:
    """Change a table, and name what becomes of each index that the request changes."""
    before = _indexes(call)
    document = call.ask_moto_json()
    table = document[DESCRIPTION]
    table["TableStatus"] = BEGUN["Update"]
    changes = {
        change["IndexName"]: kind
        for update in call.parameters.get("GlobalSecondaryIndexUpdates") or []
        for kind, change in update.items()
    }
    indexes = table.get(INDEXES) or []
    deleted = [before[name] for name, kind in changes.items() if kind == "Delete" and name in before]
    for index in [*indexes, *deleted]:
        if index["IndexName"] in changes:
            index["IndexStatus"] = BEGUN[changes[index["IndexName"]]]
    if deleted:
        table[INDEXES] = [*indexes, *deleted]
    return call.json(document)


@operation("dynamodb", "DeleteTable")
def delete_table(call: Call) -> Response:
    """Delete a table; it is gone when the answer arrives."""
    document = call.ask_moto_json()
    document[DESCRIPTION]["TableStatus"] = BEGUN["Delete"]
    return call.json(document)


def _indexes(call: Call) -> dict[str, dict[str, Any]]:
    """Return the global indexes of a request's table before it changes, by name."""
    name = call.parameters["TableName"].rpartition("/")[2]
    table = call.backend().tables.get(name)
    described = table.describe()[DESCRIPTION].get(INDEXES) or [] if table is not None else []
    return {index["IndexName"]: dict(index) for index in described}


@operation("dynamodb", "ExportTableToPointInTime")
def export_table(call: Call) -> Response:
    """Write a table's items to S3 through moto."""
    arn = call.parameters["TableArn"]
    if arn.rpartition("/")[2] not in call.backend().tables:
        raise AwsError("TableNotFoundException", f"Table not found: {arn}")
    return call.ask_moto()
