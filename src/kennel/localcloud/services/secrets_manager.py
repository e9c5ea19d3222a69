"""Secrets Manager: secrets are rotated by functions, in four steps, at once and by schedules.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

from __future__ import annotations

import json
import logging
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import ServiceException

from kennel.capacity.scaling.schedules import ScheduleError, parse
from kennel.localcloud.clock import Participant
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.coverage import refusal
from kennel.localcloud.dispatch.registry import operation
from kennel.localcloud.protocol.messages import AwsError, Response
from kennel.localcloud.runtime.metrics.store import MINUTE
from kennel.localcloud.runtime.role_session import error_text
from kennel.localcloud.services import service_calls
from kennel.localcloud.services.lambda_.execution import reserved_concurrency, run
from kennel.localcloud.services.lambda_.function_version import read_version

log = logging.getLogger(__name__)
SERVICE, PRINCIPAL = "secretsmanager", "secretsmanager.amazonaws.com"
TEST = "testSecret"
STEPS = ("createSecret", "setSecret", TEST, "finishSecret")
PENDING, CURRENT = "AWSPENDING", "AWSCURRENT"
DAY, MOST_DAYS = 86_400, 1000
EXTERNAL = refusal(
    SERVICE,
    "rotation that another service manages",
    "name a function of yours as RotationLambdaARN",
    "InvalidParameterException",
)


@dataclass
class Rotation:
    """How a secret is rotated.

    Attributes
    ----------
    function
        The ARN of the function.
    rules
        The RotationRules; empty for a secret that is rotated by hand only.
    next
        When it is due, in seconds since the epoch; None for never.
    token, steps
        The version that is being made, and the steps for it; empty while no rotation is under way.
    """

    function: str
    rules: dict[str, Any]
    next: float | None = None
    token: str = ""
    steps: tuple[str, ...] = ()


@dataclass
class Rotations(KeptStore):
    """How the secrets of a region are rotated, by their ARNs."""

    by_secret: dict[str, Rotation] = field(default_factory=dict)

    def resume(self, cloud: Cloud) -> None:
        """Do again what was interrupted: functions for rotation can be called twice."""
        for arn, rotation in self.by_secret.items():
            if rotation.token:
                _start(cloud, arn, rotation)


@operation(SERVICE, "RotateSecret")
def rotate_secret(call: Call) -> dict[str, Any]:
    """Let a function make a new version of a secret, in the background, now and by the rules.

    Raises
    ------
    AwsError
        There is no function, its policy does not let Secrets Manager invoke it, the rules are not valid, or
        an earlier rotation is not complete.
    """
    given, cloud = call.parameters, call.cloud
    secret, rotations = _find(call), cloud.store(Rotations).by_secret
    if given.get("ExternalSecretRotationMetadata") or given.get("ExternalSecretRotationRoleArn"):
        raise EXTERNAL.error()
    before = rotations.get(secret.arn)
    function = given.get("RotationLambdaARN") or secret.rotation_lambda_arn
    if not function:
        raise _invalid("No Lambda rotation function ARN is associated with this secret.")
    rules = given.get("RotationRules") or getattr(secret, "rotation_rules", {})
    now = cloud.clock.time()
    rotation = Rotation(function, rules, _next(rules, now))
    _check_function(cloud, function, secret.arn)
    token = given.get("ClientRequestToken") or str(uuid.uuid4())
    answer = {"ARN": secret.arn, "Name": secret.name, "VersionId": token}
    if token in secret.versions:
        return answer  # the same request again
    unfinished = next((name for name, each in secret.versions.items() if _unfinished(each)), None)
    _note_rules(secret, rotation)
    rotations[secret.arn] = rotation
    if unfinished:
        rotation.token, rotation.steps = unfinished, STEPS
        if not (before and before.token):
            _start(cloud, secret.arn, rotation)
        raise _invalid("A previous rotation isn't complete. That rotation will be reattempted.")
    immediately = given.get("RotateImmediately", True)
    _begin(cloud, secret, rotation, token, STEPS if immediately else (TEST,))
    return answer


def _unfinished(version: dict[str, Any]) -> bool:
    return PENDING in version["version_stages"] and CURRENT not in version["version_stages"]


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)


def _find(call: Call) -> Any:
    secret = call.backend().describe_secret(call.parameters["SecretId"])
    if not hasattr(secret, "rotation_enabled"):
        raise _invalid(
            "Operation not permitted on a replica secret. Call must be made in primary secret's region."
        )
    if secret.is_deleted():
        raise _invalid("You can't perform this operation on the secret because it was marked for deletion.")
    return secret


def _next(rules: dict[str, Any], now: float) -> float | None:
    """Return when a secret is due by its rules.

    Raises
    ------
    AwsError
        ``InvalidParameterException``.
    """
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression:
        message = "You can't specify both AutomaticallyAfterDays and ScheduleExpression."
        raise AwsError("InvalidParameterException", message)
    if days is not None:
        if not 1 <= days <= MOST_DAYS:
            message = f"RotationRules.AutomaticallyAfterDays must be within 1-{MOST_DAYS}."
            raise AwsError("InvalidParameterException", message)
        return now + days * DAY
    if not expression:
        return None
    try:
        return parse(expression).next_after(now, now)
    except ScheduleError as error:
        raise AwsError("InvalidParameterException", f"RotationRules.ScheduleExpression: {error}") from error


def _note_rules(secret: Any, rotation: Rotation) -> None:
    """Write into moto's record what DescribeSecret and ListSecrets show."""
    secret.rotation_requested, secret.rotation_lambda_arn = True, rotation.function
    secret.rotation_rules = rotation.rules
    secret.auto_rotate_after_days = rotation.rules.get("AutomaticallyAfterDays", 0)
    secret.rotation_enabled = rotation.next is not None
    secret.next_rotation_date = None if rotation.next is None else int(rotation.next)


def _check_function(cloud: Cloud, function: str, secret_arn: str) -> tuple[Any, Any, str | None]:
    try:
        return service_calls.check_function(cloud, function, PRINCIPAL, secret_arn)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            raise
        message = (
            "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy "
            f"grants access to the principal {PRINCIPAL}."
        )
        raise AwsError("AccessDeniedException", message) from error


def _begin(cloud: Cloud, secret: Any, rotation: Rotation, token: str, steps: tuple[str, ...]) -> None:
    """Make a version without a value, labelled as pending, and let the function fill it."""
    version = {"createdate": int(cloud.clock.time()), "version_id": token, "version_stages": [PENDING]}
    secret.remove_version_stages_from_old_versions([PENDING])
    secret.versions[token] = version
    rotation.token, rotation.steps = token, steps
    cloud.changes.note()
    _start(cloud, secret.arn, rotation)


def _start(cloud: Cloud, arn: str, rotation: Rotation) -> None:
    participant = cloud.clock.participant(f"the rotation of {arn}")
    arguments = (cloud, arn, rotation, participant)
    threading.Thread(target=_run, args=arguments, name="rotation", daemon=True).start()


def _run(cloud: Cloud, arn: str, rotation: Rotation, participant: Participant) -> None:
    token = rotation.token
    with cloud.clock.taking_part(participant):
        try:
            for step in rotation.steps:
                _call(cloud, arn, rotation.function, step, token)
        except ServiceException as error:
            log.warning("the rotation of %s: %s", arn, error_text(error))
        finally:
            _end(cloud, arn, token, tested=rotation.steps == (TEST,))
            rotation.token, rotation.steps = "", ()
            cloud.changes.note()


def _call(cloud: Cloud, arn: str, function: str, step: str, token: str) -> None:
    """Invoke the function for a step.

    Raises
    ------
    AwsError
        It failed, or could not be invoked.
    """
    record, latest, qualifier = _check_function(cloud, function, arn)
    event = {"Step": step, "SecretId": arn, "ClientRequestToken": token}
    there = cloud.in_region(function.split(":")[3])
    payload = json.dumps(event).encode()
    result = run(there, read_version(record), reserved_concurrency(latest), payload, qualifier=qualifier)
    if result.error:
        text = result.body.decode(errors="replace")
        raise AwsError("InternalServiceError", f"{step} of {function} failed: {text}", 500)


def _end(cloud: Cloud, arn: str, token: str, *, tested: bool) -> None:
    """Note that a rotation is over: the new version is the current one, or stays pending."""
    secret = _secrets(cloud).get(arn)
    if secret is None:
        return
    if tested:
        secret.versions.pop(token, None)
    elif CURRENT in secret.versions.get(token, {}).get("version_stages", []):
        secret.last_rotation_date = int(cloud.clock.time())


def _secrets(cloud: Cloud) -> Any:
    from moto.secretsmanager.models import secretsmanager_backends

    return secretsmanager_backends[cloud.account][cloud.region].secrets


@operation(SERVICE, "CancelRotateSecret")
def cancel_rotate_secret(call: Call) -> Response:
    """Rotate a secret by its rules no more."""
    response = call.ask_moto()
    if response.ok:
        secret = _find(call)
        secret.next_rotation_date = None
        call.cloud.store(Rotations).by_secret.pop(secret.arn, None)
    return response


@operation(SERVICE, "UpdateSecretVersionStage")
def update_version_stage(call: Call) -> Response:
    """Move a label; what GetSecretValue returns by default is the version with AWSCURRENT."""
    response, given = call.ask_moto(), call.parameters
    if response.ok and given["VersionStage"] == CURRENT and given.get("MoveToVersionId"):
        _find(call).set_default_version_id(given["MoveToVersionId"])
    return response


def rotate_by_clock(cloud: Cloud) -> None:
    """Rotate secrets when they are due, for as long as the cloud runs."""
    cloud.clock.every(MINUTE, lambda: _look(cloud))


def _look(cloud: Cloud) -> None:
    now, rotations = cloud.clock.time(), cloud.store(Rotations).by_secret
    for arn, rotation in list(rotations.items()):
        secret = _secrets(cloud).get(arn)
        if secret is None:
            del rotations[arn]
        elif rotation.next is not None and rotation.next <= now and not rotation.token:
            rotation.next = _next(rotation.rules, now)
            _note_rules(secret, rotation)
            if not secret.is_deleted():
                unfinished = next((name for name, each in secret.versions.items() if _unfinished(each)), None)
                _begin(cloud, secret, rotation, unfinished or str(uuid.uuid4()), STEPS)
