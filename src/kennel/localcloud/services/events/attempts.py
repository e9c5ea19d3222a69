"""Attempts of EventBridge and the Scheduler to deliver: again where a failure may pass, with growing pauses.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.role_session import error_text

log = logging.getLogger(__name__)
FAILURES = (ClientError, ServiceException, BotoCoreError, ValueError)
MOST_RETRIES, LONGEST_AGE = 185, 86_400
# AWS does not publish its pauses; with these, a day and 185 retries end at about the same time.
LONGEST_PAUSE = 480.0
THROTTLED = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|OverLimit|SlowDown|LimitExceeded$")
INTERNAL_ERROR, NOT_IMPLEMENTED = 500, 501
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
CODES = (
    (THROTTLED, "THROTTLING"),
    (re.compile(r"AccessDenied|Authorization|NotAuthorized|Forbidden"), "NO_PERMISSIONS"),
    (re.compile(r"NotFound|DoesNotExist|NonExistent|NoSuch"), "NO_RESOURCE"),
    (re.compile(r"Invalid|Validation|Malformed"), "INVALID_PARAMETER"),
)


class Undelivered(NamedTuple):
    """Why something was given up.

    Attributes
    ----------
    code, message
        Of the last error.
    exhausted
        The limit that was reached; empty if the error is of a kind that is not tried again.
    retries
        How many attempts there were after the first one.
    """

    code: str
    message: str
    exhausted: str
    retries: int

    @property
    def event_bridge_code(self) -> str:
        """EventBridge's own code for the kind of error."""
        return next((code for pattern, code in CODES if pattern.search(self.code)), "ERROR_FROM_TARGET")

    def attributes(self, **more: str) -> dict[str, dict[str, str]]:
        """Return the attributes of the message to a dead-letter queue, with these more, as SQS takes them."""
        values = {
            "ERROR_MESSAGE": self.message,
            "EXHAUSTED_RETRY_CONDITION": self.exhausted,
            "RETRY_ATTEMPTS": str(self.retries),
            **more,
        }
        return {name: {"DataType": "String", "StringValue": text} for name, text in values.items() if text}


@dataclass
class Progress:
    """How far a delivery is.

    Attributes
    ----------
    began
        When it was tried first, in seconds since the epoch by the cloud's clock.
    retries
        How many attempts there were after the first.
    """

    began: float
    retries: int = 0


def deliver(
    cloud: Cloud, what: str, policy: dict[str, Any], send: Callable[[int], None], progress: Progress
) -> Undelivered | None:
    """Send until it succeeds or is given up; return why it was given up, or None.

    Parameters
    ----------
    what
        What is sent, for the log.
    policy
        A target's ``RetryPolicy``.
    send
        Gets the number of the attempt, 1 for the first.
    progress
        Is kept up to date.
    """
    clock = cloud.clock
    most = policy.get("MaximumRetryAttempts", MOST_RETRIES)
    until = progress.began + policy.get("MaximumEventAgeInSeconds", LONGEST_AGE)
    while True:
        retries = progress.retries
        try:
            with cloud.changes.call():
                send(retries + 1)
        except FAILURES as error:
            log.warning("%s, attempt %d: %s", what, retries + 1, error_text(error))
            code, message, passing = _described(error)
        else:
            return None
        pause = min(2.0**retries, LONGEST_PAUSE)
        if not passing:
            return Undelivered(code, message, "", retries)
        if retries >= most:
            return Undelivered(code, message, "MaximumRetryAttempts", retries)
        if clock.time() + pause > until:
            return Undelivered(code, message, "MaximumEventAgeInSeconds", retries)
        progress.retries += 1
        cloud.changes.note()
        clock.wait(pause)


def _described(error: Exception) -> tuple[str, str, bool]:
    """Return an error's code, its message, and whether another attempt may succeed."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        code, message = str(detail.get("Code", "Unknown")), str(detail.get("Message", error))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400))
    elif isinstance(error, ServiceException):
        code, message = str(error.code), str(error.message)
        status = (error.status if isinstance(error, AwsError) else None) or 400
    else:  # no connection, or a request that botocore does not send
        return "SDK_CLIENT_ERROR", str(error), isinstance(error, BotoCoreError)
    broken = status >= INTERNAL_ERROR and status != NOT_IMPLEMENTED
    return code, message, broken or bool(THROTTLED.search(code))


def check_policy(target: dict[str, Any]) -> None:
    """Refuse a retry policy or a dead-letter queue that AWS refuses.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    policy = target.get("RetryPolicy") or {}
    for name, least, most in (
        ("MaximumRetryAttempts", 0, MOST_RETRIES),
        ("MaximumEventAgeInSeconds", 60, LONGEST_AGE),
    ):
        if not least <= policy.get(name, least) <= most:
            raise AwsError(
                "ValidationException",
                f"Value {policy[name]} at 'RetryPolicy.{name}' failed to satisfy constraint: Member must "
                f"have value from {least} to {most}",
                400,
            )
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue and (not re.match(r"arn:aws[a-z-]*:sqs:", queue) or queue.endswith(".fifo")):
        message = f"Parameter {queue} is not valid. Reason: Provided Arn must be of a standard SQS queue."
        raise AwsError("ValidationException", message, 400)
