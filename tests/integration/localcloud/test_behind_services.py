"""What services do in the caller's name: it needs the permission on the key, and on the object with code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Client, statement

ROLE = f"arn:aws:iam::{ACCOUNT}:role/behind-function"


@pytest.fixture(scope="module")
def calls(client: Client) -> dict[str, dict[str, Any]]:
    """Create resources under a key of the account's, and return the parameters of calls that use them."""
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"KmsMasterKeyId": key}
    queue = client("sqs").create_queue(QueueName="behind", Attributes=encrypted)["QueueUrl"]
    topic = client("sns").create_topic(Name="behind", Attributes=encrypted)["TopicArn"]
    client("ssm").put_parameter(Name="/behind/p", Value="v", Type="SecureString", KeyId=key)
    secret = client("secretsmanager").create_secret(Name="behind", SecretString="s", KmsKeyId=key)["ARN"]
    client("s3").create_bucket(Bucket="behind")
    client("s3").put_object(Bucket="behind", Key="code.zip", Body=b"no zip")
    code = {"S3Bucket": "behind", "S3Key": "code.zip"}
    function = {"FunctionName": "behind", "Runtime": "python3.11", "Handler": "f.handler", "Role": ROLE}
    return {
        "sqs send_message": {"QueueUrl": queue, "MessageBody": "m"},
        "sqs receive_message": {"QueueUrl": queue},
        "sns publish": {"TopicArn": topic, "Message": "m"},
        "ssm get_parameter": {"Name": "/behind/p", "WithDecryption": True},
        "ssm put_parameter": {
            "Name": "/behind/p",
            "Value": "w",
            "Type": "SecureString",
            "KeyId": key,
            "Overwrite": True,
        },
        "secretsmanager get_secret_value": {"SecretId": secret},
        "lambda create_function": {**function, "Code": code},
    }


@pytest.mark.parametrize(
    ("call", "action"),
    [
        ("sqs send_message", "kms:GenerateDataKey"),
        ("sqs receive_message", "kms:Decrypt"),
        ("sns publish", "kms:GenerateDataKey"),
        ("ssm get_parameter", "kms:Decrypt"),
        ("ssm put_parameter", "kms:Encrypt"),
        ("secretsmanager get_secret_value", "kms:Decrypt"),
        ("lambda create_function", "s3:GetObject"),
    ],
)
def test_the_caller_needs_what_the_service_does_for_it(
    call: str,
    action: str,
    client: Client,
    role: Callable[..., dict[str, str]],
    calls: dict[str, dict[str, Any]],
) -> None:
    service, operation = call.split()
    name = call.replace(" ", "-").replace("_", "-")
    without = client(service, role(f"behind-{name}", statement([f"{service}:*", "iam:PassRole"], "*")))
    with pytest.raises(ClientError, match=f"not authorized to perform: {action} on resource"):
        getattr(without, operation)(**calls[call])
    allowed = client(service, role(f"behind-all-{name}", statement("*", "*")))
    refusal = ""
    try:
        getattr(allowed, operation)(**calls[call])
    except ClientError as error:  # the object is no zip
        refusal = str(error)
    assert "not authorized" not in refusal
