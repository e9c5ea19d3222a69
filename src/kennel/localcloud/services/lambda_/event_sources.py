"""Event source mappings of queues: moto keeps their records, and `queue_poller` polls.

moto itself invokes the function within SendMessage, one message at a time and without the function's role.
"""

from __future__ import annotations

import re
from typing import Any

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.authorization.trust import assume_for_service
from kennel.localcloud.dispatch.audit_log import ImmediateAudit
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.functions import event_source_mapping, leave_queues_alone
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.services.lambda_.invoke import find_function
from kennel.localcloud.services.lambda_.queue_poller import poll
from kennel.localcloud.services.lambda_.sandbox import SERVICE

OTHER_SOURCES = refusal(
    "lambda",
    "event sources other than SQS queues (Kinesis, DynamoDB, Kafka, MQ, DocumentDB)",
    "send the records to a queue, or invoke the function",
)
MEMBERS = refusal(
    "lambda",
    "`FilterCriteria`, `ProvisionedPollerConfig` and `KMSKeyArn` of event source mappings",
    "let the function pass over what it does not need",
)
REFUSED_MEMBERS = ("FilterCriteria", "ProvisionedPollerConfig", "KMSKeyArn")
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
MOST_WITHOUT_WINDOW = 10


def _check_members(call: Call) -> None:
    for name in REFUSED_MEMBERS:
        if call.parameters.get(name):
            raise MEMBERS.error(f"{name} of event source mappings")


@operation("lambda", "CreateEventSourceMapping")
def create_mapping(call: Call) -> Response:
    """Let a function take a queue's messages; its role must be allowed to receive and delete them."""
    parameters = call.parameters
    source = parameters.get("EventSourceArn") or ""
    if not re.match(r"arn:aws[a-z-]*:sqs:", source):
        raise OTHER_SOURCES.error(f"event source {source or 'of this kind'}")
    _check_members(call)
    size, window = parameters.get("BatchSize"), parameters.get("MaximumBatchingWindowInSeconds")
    if size and size > MOST_WITHOUT_WINDOW and not window and not source.endswith(".fifo"):
        raise _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )
    record = find_function(call, parameters["FunctionName"], None)
    for other in call.backend().list_event_source_mappings(source, None):
        if other.function_arn.split(":")[6] == record.function_name:
            raise AwsError(
                "ResourceConflictException",
                f'An event source mapping with SQS arn (" {source} ") and function (" '
                f'{record.function_name} ") already exists. Please update or delete the existing mapping '
                f"with UUID {other.uuid}",
                409,
                Type="User",
            )
    _check_role(call, record.role, source)
    document = call.ask_moto_json()
    _complete(call, document)
    poll(call.cloud, document["UUID"])
    return call.json(document, 202)


@operation("lambda", "UpdateEventSourceMapping")
def update_mapping(call: Call) -> Response:
    """Change a mapping; moto leaves out some of its members."""
    _check_members(call)
    document = call.ask_moto_json()
    mapping: Any = event_source_mapping(call.backend(), call.parameters["UUID"])
    if "FunctionResponseTypes" in call.parameters:
        mapping.function_response_types = call.parameters["FunctionResponseTypes"]
    if "ScalingConfig" in call.parameters:
        mapping.scaling_config = call.parameters["ScalingConfig"]
    if "FunctionName" in call.parameters:
        _complete(call, document)
    return call.json(mapping.get_configuration() | {"FunctionArn": mapping.function_arn}, 202)


def _complete(call: Call, document: dict[str, Any]) -> None:
    """Keep the alias or version that a mapping names, which moto resolves; and take over from moto."""
    name = call.parameters["FunctionName"].split(":function:")[-1]
    backend = call.backend()
    mapping: Any = event_source_mapping(backend, document["UUID"])
    leave_queues_alone(backend, mapping)
    mapping.function_arn = document["FunctionArn"] = call.arn(f"function:{name}")


def _check_role(call: Call, role: str, queue: str) -> None:
    principal = assume_for_service(call.cloud, role, SERVICE, None, 900).principal
    policy = policy_store.attached_policy("sqs", queue.split(":")[3], [queue])
    authorizer = Authorizer(ImmediateAudit(call.cloud.audit_log))
    for action in QUEUE_ACTIONS:
        decision = authorizer.check(
            principal, f"sqs:{action}", queue, {}, resource_policy=ResourcePolicy(policy) if policy else None
        )
        if not decision.allowed:
            raise _invalid(f"The function execution role does not have permissions to call {action} on SQS")


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, 400, Type="User")
