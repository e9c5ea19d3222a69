"""DynamoDB: moto fails to export a table that there is not."""

from __future__ import annotations

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response


@operation("dynamodb", "ExportTableToPointInTime")
def export_table(call: Call) -> Response:
    """Write a table's items to S3 through moto."""
    arn = call.parameters["TableArn"]
    if arn.rpartition("/")[2] not in call.backend().tables:
        raise AwsError("TableNotFoundException", f"Table not found: {arn}")
    return call.ask_moto()
