"""What a call in CloudTrail's words requires, by the map with which the local cloud checks its own calls."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from kennel.localcloud.authorization.action_names import action_name
from kennel.localcloud.authorization.required_permissions import required_permissions
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.policy.principal import ANONYMOUS

# botocore's names of services whose event source has another one.
SERVICES = {
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
# S3's events that are not named as botocore's operations (S3 user guide, "Amazon S3 CloudTrail events").
S3_OPERATIONS = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "GetBucketPublicAccessBlock": "GetPublicAccessBlock",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "PutBucketPublicAccessBlock": "PutPublicAccessBlock",
}
PARAMETERS = {"s3": {"bucketName": "Bucket", "key": "Key"}}


def permissions_of(
    service: str, operation: str, parameters: Mapping[str, Any], region: str, account: str
) -> list[tuple[str, str]]:
    """Return the actions, and the ARNs as far as the parameters name them, that a call requires.

    Parameters
    ----------
    service
        The event's source without its domain: ``s3``, ``monitoring``.
    operation
        The event's name without a version.
    parameters
        Its ``requestParameters``.
    """
    name = SERVICES.get(service, service)
    if name == "sagemaker" and operation.startswith("InvokeEndpoint"):
        name = "sagemaker-runtime"
    operation = S3_OPERATIONS.get(operation, operation) if name == "s3" else operation
    model = _model(name)
    if model is None or operation not in model.operation_names:
        return [(action_name(name, operation), "*")]
    shape = model.operation_model(operation).input_shape
    renamed = {PARAMETERS.get(name, {}).get(key, key): value for key, value in parameters.items()}
    read = _renamed(renamed, shape) if shape else {}
    principal = dataclasses.replace(ANONYMOUS, account=account)
    request = ApiRequest(name, operation, principal, read, region, account)
    try:
        return [(item.action, item.resource) for item in required_permissions(request)]
    except (KeyError, AttributeError, TypeError, ValueError):  # an event may lack what a request must have
        return [(action_name(name, operation), "*")]


@lru_cache
def _model(service: str) -> ServiceModel | None:
    try:
        return ServiceModel(Loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError:
        return None


def _renamed(value: Any, shape: Shape) -> Any:
    """Return an event's parameters with botocore's names: CloudTrail's begin in lower case."""
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_renamed(item, shape.member) for item in value]
    if not isinstance(shape, StructureShape) or not isinstance(value, Mapping):
        return value
    names = {name.lower(): name for name in shape.members}
    return {
        names[key.lower()]: _renamed(item, shape.members[names[key.lower()]])
        for key, item in value.items()
        if key.lower() in names
    }
