"""Lambda's AddPermission: moto keeps some of its members as they are, where AWS makes conditions of them."""

from __future__ import annotations

import json
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.lambda_.configuration import function_name

# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
CONDITIONS = {
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
}


@operation("lambda", "AddPermission")
def add_permission(call: Call) -> Response:
    """Keep a statement of a function's policy in the form that AWS gives it."""
    document = call.ask_moto_json()
    statements = call.backend().get_function(function_name(call)).policy.statements
    statement = next(each for each in statements if each.get("Sid") == call.parameters["StatementId"])
    complete(statement, call.account)
    document["Statement"] = json.dumps(statement)
    return call.json(document, 201)


def complete(statement: dict[str, Any], account: str) -> None:
    """Turn moto's form of a statement into AWS's, in place.

    Parameters
    ----------
    account
        The account of the function.
    """
    for member, (operator, key) in CONDITIONS.items():
        value = statement.pop(member, None)
        if value is not None:
            text = str(value).lower() if isinstance(value, bool) else value
            statement.setdefault("Condition", {}).setdefault(operator, {})[key] = text
    principal = statement.get("Principal")
    if isinstance(principal, str) and principal != "*":
        arn = f"arn:aws:iam::{principal}:root" if principal.isdigit() else principal
        statement["Principal"] = {"AWS": arn} if arn.startswith("arn:") else {"Service": principal}
