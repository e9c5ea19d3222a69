"""Policies of functions: each version and alias has its own, where moto has one list for all of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter.functions import lambda_backend
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.configuration import function_name
from kennel.localcloud.services.lambda_.invoke import find_function, qualifier_of

# https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
CONDITIONS = {
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "InvokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
    "OrganizationId": ("StringEquals", "aws:PrincipalOrgID"),
}


@operation("lambda", "AddPermission")
def add_permission(call: Call) -> Response:
    """Keep a statement of the policy of a function, version or alias in the form that AWS gives it."""
    policy, qualifier, arn = _policy(call)
    name = call.parameters["StatementId"]
    if qualifier == "$LATEST":
        message = "We currently do not support adding policies for $LATEST."
        raise AwsError("InvalidParameterValueException", message, 400, Type="User")
    if any(each["Sid"] == name for each in _statements(policy, arn)):
        message = (
            f"The statement id ({name}) provided already exists. Please provide a new statement id, or "
            "remove the existing statement."
        )
        raise AwsError("ResourceConflictException", message, 409, Type="User")
    statement, _ = policy.add_statement(call.body.decode(), qualifier)
    complete(statement, call.account)
    return call.json({"Statement": json.dumps(statement)}, 201)


@operation("lambda", "GetPolicy")
def get_policy(call: Call) -> Response:
    """Describe the policy of a function, version or alias."""
    policy, _, arn = _policy(call)
    statements = _statements(policy, arn)
    if not statements:
        message = "The resource you requested does not exist."
        raise AwsError("ResourceNotFoundException", message, 404, Type="User")
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return call.json({"Policy": json.dumps(document), "RevisionId": policy.revision})


@operation("lambda", "RemovePermission")
def remove_permission(call: Call) -> Response:
    """Remove a statement of the policy of a function, version or alias."""
    policy, _, arn = _policy(call)
    name, revision = call.parameters["StatementId"], call.parameters.get("RevisionId")
    statement = next((each for each in _statements(policy, arn) if each["Sid"] == name), None)
    if statement is None:
        message = f"Statement {name} is not found in resource policy."
        raise AwsError("ResourceNotFoundException", message, 404, Type="User")
    if revision and revision != policy.revision:
        message = (
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
        raise AwsError("PreconditionFailedException", message, 412, Type="User")
    policy.statements.remove(statement)
    return Response(204, [], b"")


@operation("lambda", "DeleteAlias")
def delete_alias(call: Call) -> Response:
    """Delete an alias, and its policy with it."""
    response = call.ask_moto()
    if response.ok:
        name = function_name(call)
        arn = call.arn(f"function:{name}:{call.parameters['Name']}")
        policy = lambda_backend(call.account, call.region).get_function(name).policy
        policy.statements[:] = [each for each in policy.statements if each["Resource"] != arn]
    return response


@operation("lambda", "AddLayerVersionPermission")
def add_layer_permission(call: Call) -> Response:
    """Keep a statement of the policy of a layer's version in the form that AWS gives it."""
    document = call.ask_moto_json()
    parameters = call.parameters
    layer = call.backend().get_layer_version(parameters["LayerName"], str(parameters["VersionNumber"]))
    statement = layer.policy.statements[-1]
    complete(statement, call.account)
    return call.json({**document, "Statement": json.dumps(statement)}, 201)


def _policy(call: Call) -> tuple[Any, str | None, str]:
    """Return moto's policy of a function, the version or alias that a call names, and their ARN."""
    qualifier = qualifier_of(call.parameters)
    record = find_function(call, unquote(call.parameters["FunctionName"]), qualifier)
    latest = call.backend().get_function(record.function_name)
    arn = call.arn(f"function:{record.function_name}" + (f":{qualifier}" if qualifier else ""))
    return latest.policy, qualifier, arn


def _statements(policy: Any, arn: str) -> list[dict[str, Any]]:
    return [each for each in policy.statements if each["Resource"] == arn]


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
