"""The KMS keys that moto's queues, topics, parameters and secrets are encrypted with."""

from __future__ import annotations

from typing import Any

from moto.backends import get_backend

from kennel.localcloud import ACCOUNT_ID


def key_of_resource(service: str, region: str, name: str) -> str | None:
    """Return the id, alias or ARN of the key of a resource; None if it has none, or is none.

    Parameters
    ----------
    service
        ``sqs``, ``sns``, ``ssm`` or ``secretsmanager``.
    name
        A queue's name, a topic's ARN, a parameter's name, or a secret's name or ARN.
    """
    backend: Any = get_backend(service)[ACCOUNT_ID][region]
    record: Any = None
    if service == "sqs":
        record = backend.queues.get(name)
    elif service == "sns":
        record = backend.topics.get(name)
    elif service == "ssm":
        record = backend.get_parameter(name)
    elif name in backend.secrets:  # by name or ARN
        record = backend.secrets[name]
    identifier = next(
        (
            value
            for attribute in ("kms_master_key_id", "kms_key_id", "keyid")
            if (value := getattr(record, attribute, None))
        ),
        None,
    )
    return str(identifier) if identifier else None
