"""What services of AWS call in their own name, as policies let them: functions, topics, queues."""

from __future__ import annotations

from typing import Any

from kennel.localcloud.authorization.authorizer import Authorizer
from kennel.localcloud.dispatch.audit_log import ImmediateAudit, NoAudit
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.functions import find_version, lambda_backend
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.policy.principal import ANONYMOUS, service_principal
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.lambda_.asynchronous import invoke_later
from kennel.localcloud.services.lambda_.function_version import read_version

KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")  # what a sender to a queue or topic with a key needs
# They set no aws:SourceOwner: a topic's default policy, with a condition on it, does not let them in.
WITHOUT_OWNER = {"s3.amazonaws.com"}


def check_service(
    cloud: Cloud, service: str, action: str, resource: str, source_arn: str, policy: ResourcePolicy | None
) -> None:
    """Check that a resource's policy lets a service call it for one of its own resources.

    Parameters
    ----------
    service
        The service principal, e.g. ``events.amazonaws.com``.
    source_arn
        The resource of the service for which it calls, ``aws:SourceArn``.

    Raises
    ------
    AwsError
        ``AuthorizationError``.
    """
    context = {"aws:sourceaccount": cloud.account, "aws:sourcearn": source_arn}
    if service not in WITHOUT_OWNER:
        context["aws:sourceowner"] = cloud.account
    authorizer, principal = Authorizer(ImmediateAudit(cloud.audit_log)), service_principal(service)
    # A topic's default policy names everybody, with the condition aws:SourceOwner: it lets most services in.
    decision = Authorizer(NoAudit()).check(ANONYMOUS, action, resource, context, resource_policy=policy)
    if decision.allowed:
        authorizer.report(principal, action, resource, decision)
    else:
        decision = authorizer.check(principal, action, resource, context, resource_policy=policy)
    if not decision.allowed:
        raise AwsError(
            "AuthorizationError",
            f"{service} is not authorized to perform: {action} on resource: {resource} {decision.reason}",
            403,
        )


def check_function(cloud: Cloud, arn: str, service: str, source_arn: str) -> tuple[Any, Any, str | None]:
    """Check that a service may invoke a function.

    Returns
    -------
    moto's records of the version to run and of the latest one, and the alias or version that the ARN names.

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such function.
    """
    _, _, _, region, _, _, name, qualifier = [*arn.split(":"), ""][:8]
    backend = lambda_backend(cloud.account, region)
    record = find_version(backend, name, qualifier or None)
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    policy = policy_store.attached_policy("lambda", region, [arn])
    resource_policy = ResourcePolicy(policy) if policy else None
    check_service(cloud, service, "lambda:InvokeFunction", arn, source_arn, resource_policy)
    return record, backend.get_function(name), qualifier or None


def invoke_function(cloud: Cloud, arn: str, service: str, source_arn: str, payload: bytes) -> None:
    """Invoke a function with an event in a service's name, which the function's policy must allow.

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such function.
    """
    record, latest, qualifier = check_function(cloud, arn, service, source_arn)
    there = cloud.in_region(arn.split(":")[3])
    invoke_later(there, read_version(record), latest, payload, qualifier)


def publish_to_topic(
    cloud: Cloud, arn: str, service: str, source_arn: str, message: str, subject: str | None = None
) -> None:
    """Publish a message in a service's name to a topic, whose policy, and whose key's, must allow it.

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such topic.
    """
    check_topic(cloud, arn, service, source_arn).publish(message, subject=subject)


def check_topic(cloud: Cloud, arn: str, service: str, source_arn: str) -> Any:
    """Check that a service may publish to a topic, and return moto's record of it; see `publish_to_topic`."""
    topic, region = find_topic(cloud, arn), arn.split(":")[3]
    policy = policy_store.attached_policy("sns", region, [arn])
    resource_policy = ResourcePolicy(policy) if policy else None
    check_service(cloud, service, "sns:Publish", arn, source_arn, resource_policy)
    _check_key(cloud, region, topic.kms_master_key_id, service, source_arn)
    return topic


def find_topic(cloud: Cloud, arn: str) -> Any:
    """Return moto's record of a topic.

    Raises
    ------
    AwsError
        ``NotFound``.
    """
    from moto.sns.models import sns_backends

    region = [*arn.split(":"), "", "", ""][3]
    topic = sns_backends[cloud.account][region].topics.get(arn) if arn.startswith("arn:aws:sns:") else None
    if topic is None:
        raise AwsError("NotFound", "Topic does not exist", 404)
    return topic


def _check_key(cloud: Cloud, region: str, key_id: str | None, service: str, source_arn: str) -> None:
    """Check that a service may use the key of a queue or topic, if it has one."""
    if not key_id:
        return
    if key_id.rpartition("alias/")[2].startswith("aws/"):
        message = f"{service} is not authorized to use the AWS managed key {key_id}: use a key of your own"
        raise AwsError("KMSAccessDeniedException", message, 400)
    key = policy_store.key(region, key_id)
    if key is None:
        raise AwsError("KMSNotFoundException", f"The key {key_id} does not exist.", 400)
    for action in KEY_ACTIONS:
        policy = ResourcePolicy(key.policy, required=True)
        check_service(cloud, service, action, key.arn, source_arn, policy)


def send_to_queue(
    cloud: Cloud,
    arn: str,
    service: str,
    source_arn: str,
    message: str,
    group: str | None = None,
    attributes: dict[str, Any] | None = None,
) -> None:
    """Send a message in a service's name to a queue, whose policy, and whose key's, must allow it.

    Raises
    ------
    AwsError
        ``AuthorizationError``, or there is no such queue.
    """
    backend = check_queue(cloud, arn, service, source_arn)
    backend.send_message(arn.split(":")[-1], message, message_attributes=attributes, group_id=group)


def check_queue(cloud: Cloud, arn: str, service: str, source_arn: str) -> Any:
    """Check that a service may send to a queue, and return moto's SQS of its region; see `send_to_queue`."""
    from moto.sqs.models import sqs_backends

    region, name = arn.split(":")[3], arn.split(":")[-1]
    backend = sqs_backends[cloud.account][region]
    if name not in backend.queues:
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.", 404)
    policy = policy_store.attached_policy("sqs", region, [arn])
    resource_policy = ResourcePolicy(policy) if policy else None
    check_service(cloud, service, "sqs:SendMessage", arn, source_arn, resource_policy)
    queue: Any = backend.queues[name]  # moto sets the key by its name in the attributes
    _check_key(cloud, region, queue.kms_master_key_id, service, source_arn)
    return backend
