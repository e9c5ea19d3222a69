"""The tags that moto keeps of resources, by ARN: what ``aws:ResourceTag`` keys hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.backends import get_backend

from kennel.localcloud import ACCOUNT_ID

# moto's names of services whose ARNs have another.
SERVICES = {"states": "stepfunctions"}
ARN_PARTS = 6
GLOBAL = ("iam", "s3")


def tags_of(arn: str) -> dict[str, str]:
    """Return a resource's tags; empty for one that does not exist, and of services that are not read here."""
    parts = arn.split(":", 5)
    read = _READERS.get(parts[2]) if len(parts) == ARN_PARTS else None
    if read is None or "*" in arn:
        return {}
    try:
        backends: Any = get_backend(SERVICES.get(parts[2], parts[2]))
        tags = read(backends[ACCOUNT_ID]["aws" if parts[2] in GLOBAL else parts[3]], arn, parts[5])
    except Exception:  # noqa: BLE001 - each of moto's services has its own error of what does not exist
        return {}
    return {str(name): str(value) for name, value in tags.items()}


def tags_of_object(bucket: str, key: str, version: str | None) -> dict[str, str]:
    """Return the tags of an object that exists; empty for one that does not."""
    backend = get_backend("s3")[ACCOUNT_ID]["aws"]
    record = backend.buckets.get(bucket)
    stored = backend.get_object(bucket, key, version_id=version) if record else None
    return dict(backend.tagger.get_tag_dict_for_resource(stored.arn)) if stored else {}


def _tagger(backend: Any, arn: str, resource: str) -> dict[str, str]:
    tags: dict[str, str] = backend.tagger.get_tag_dict_for_resource(arn)
    return tags


def _pairs(pairs: Any) -> dict[str, str]:
    """Return ``[{"Key": …, "Value": …}]``, or a map of such, as a dict."""
    items = pairs.values() if isinstance(pairs, dict) else pairs or []
    return {pair["Key"]: pair["Value"] for pair in items}


def _ec2(backend: Any, arn: str, resource: str) -> dict[str, str]:
    identifier = resource.partition("/")[2]
    return dict(backend.tags[identifier]) if identifier in backend.tags else {}


def _iam(backend: Any, arn: str, resource: str) -> dict[str, str]:
    kind, name = resource.partition("/")[0], resource.rpartition("/")[2]
    if kind == "policy":
        return _pairs(backend.managed_policies[arn].tags)
    if kind == "user":
        return _pairs(backend.tagger.list_tags_for_resource(backend.users[name].arn)["Tags"])
    role = next(role for role in backend.roles.values() if role.arn == arn or role.name == name)
    return _pairs(role.tags)


def _kms(backend: Any, arn: str, resource: str) -> dict[str, str]:
    return _tagger(backend, resource.removeprefix("key/"), resource)


def _lambda(backend: Any, arn: str, resource: str) -> dict[str, str]:
    name = resource.split(":")[1]
    return dict(backend.get_function(name).tags or {})


def _logs(backend: Any, arn: str, resource: str) -> dict[str, str]:
    return _tagger(backend, arn.partition(":log-stream:")[0], resource)


def _secret(backend: Any, arn: str, resource: str) -> dict[str, str]:
    name = resource.removeprefix("secret:")
    return _pairs(backend.secrets[arn if arn in backend.secrets else name].tags)


def _ssm(backend: Any, arn: str, resource: str) -> dict[str, str]:
    name = resource.removeprefix("parameter/")
    stored = {**backend._resource_tags["Parameter"]}
    return dict(stored.get(f"/{name}") or stored.get(name) or {})


_READERS: dict[str, Callable[[Any, str, str], dict[str, str]]] = {
    "cloudwatch": _tagger,
    "dynamodb": lambda backend, arn, resource: _pairs(backend.list_tags_of_resource(arn)),
    "ec2": _ec2,
    "ecr": _tagger,
    "events": _tagger,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": lambda backend, arn, resource: {} if "/" in resource else _tagger(backend, arn, resource),
    "sagemaker": lambda backend, arn, resource: _pairs(backend._get_resource_from_arn(arn).tags),
    "scheduler": _tagger,
    "secretsmanager": _secret,
    "sns": lambda backend, arn, resource: backend.topics[arn]._tags,
    "sqs": lambda backend, arn, resource: backend.queues[resource].tags,
    "ssm": _ssm,
    "states": _tagger,
}
