"""The KMS actions that SQS, SNS, Systems Manager and Secrets Manager take in the caller's name.

Sources: SQS developer guide, "Key management"; SNS developer guide, "Managing encryption keys and costs";
Systems Manager user guide, "How Parameter Store uses KMS"; Secrets Manager user guide, "Secret encryption".
"""

from __future__ import annotations

from collections.abc import Iterator

from kennel.localcloud.authorization.context import ConditionKeys
from kennel.localcloud.authorization.permission import RequiredPermission
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.service_keys import key_of_resource
from kennel.localcloud.policy.evaluate import ResourcePolicy

DATA_KEY, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"
# (service, operation): the actions, and the parameters that may name the resource whose key it is.
ACTIONS: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("sqs", "SendMessage"): ((DATA_KEY, DECRYPT), ("QueueUrl",)),
    ("sqs", "SendMessageBatch"): ((DATA_KEY, DECRYPT), ("QueueUrl",)),
    ("sqs", "ReceiveMessage"): ((DECRYPT,), ("QueueUrl",)),
    ("sns", "Publish"): ((DATA_KEY, DECRYPT), ("TopicArn", "TargetArn")),
    ("sns", "PublishBatch"): ((DATA_KEY, DECRYPT), ("TopicArn",)),
    ("ssm", "GetParameter"): ((DECRYPT,), ("Name",)),
    ("ssm", "GetParameters"): ((DECRYPT,), ("Names",)),
    ("ssm", "GetParameterHistory"): ((DECRYPT,), ("Name",)),
    ("secretsmanager", "GetSecretValue"): ((DECRYPT,), ("SecretId",)),
    ("secretsmanager", "PutSecretValue"): ((DATA_KEY, DECRYPT), ("SecretId",)),
}
# Operations whose own parameters name the key, where they do.
CREATES: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    ("ssm", "PutParameter"): (("kms:Encrypt",), "KeyId"),
    ("secretsmanager", "CreateSecret"): ((DATA_KEY, DECRYPT), "KmsKeyId"),
}


def encryption_permissions(request: ApiRequest) -> list[RequiredPermission]:
    """Return the KMS actions that a call requires because its resource has a customer's key."""
    if request.principal.unrestricted:
        return []
    return list(_permissions(request))


def _permissions(request: ApiRequest) -> Iterator[RequiredPermission]:
    call = (request.service, request.operation)
    if call in CREATES:
        actions, parameter = CREATES[call]
        yield from _of_key(request, actions, request.parameters.get(parameter))
    if call not in ACTIONS or (request.service == "ssm" and not request.parameters.get("WithDecryption")):
        return
    actions, parameters = ACTIONS[call]
    for parameter in parameters:
        value = request.parameters.get(parameter)
        for name in value if isinstance(value, list) else [value] if value else []:
            yield from _of_key(
                request, actions, key_of_resource(request.service, request.region, _name(name))
            )


def _name(text: str) -> str:
    """Return a queue's name of its URL, a parameter's of its ARN, and any other name as it is."""
    if text.startswith(("http://", "https://")):
        return text.rstrip("/").rpartition("/")[2]
    return "/" + text.partition(":parameter/")[2] if ":parameter/" in text else text


def _of_key(
    request: ApiRequest, actions: tuple[str, ...], key_id: str | None
) -> Iterator[RequiredPermission]:
    if not key_id or "alias/aws/" in key_id:
        return  # the AWS managed key lets everybody in the account use it through its service
    key = policy_store.key(request.region, key_id)
    context: ConditionKeys = {
        "kms:viaservice": f"{request.service}.{request.region}.amazonaws.com",
        "kms:calleraccount": request.account,
        "aws:viaawsservice": "true",
        "aws:calledvia": [f"{request.service}.amazonaws.com"],
    }
    for action in actions:
        if key is None:
            yield RequiredPermission(action, key_id)
        else:
            yield RequiredPermission(action, key.arn, context, ResourcePolicy(key.policy, required=True))
