"""What Application Auto Scaling keeps: targets with their policies and scheduled actions, and activities."""

from __future__ import annotations

import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kennel.capacity.scaling.cooldowns import Memory
from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.dispatch.cloud import Cloud, KeptStore, TransientStore
from kennel.localcloud.protocol.messages import AwsError

SERVICE = "application-autoscaling"
MOST_ACTIVITIES = 10_000
KEPT_SECONDS = 6 * 7 * 24 * 3600  # "You can look up scaling activities from the last six weeks"

Key = tuple[str, str, str]  # service namespace, resource id, scalable dimension
KEY_MEMBERS = ("ServiceNamespace", "ResourceId", "ScalableDimension")


def timestamp(at: float) -> datetime:
    """Return seconds since the epoch as a date, in UTC."""
    return datetime.fromtimestamp(at, UTC)


@dataclass
class Policy:
    """A scaling policy.

    Attributes
    ----------
    arn, name, kind, created
        Its ARN, name and PolicyType, and when it was made, in seconds.
    configuration
        Its TargetTrackingScalingPolicyConfiguration or StepScalingPolicyConfiguration.
    alarms
        The names of the alarms that were made for it: the high one, then the low one.
    """

    arn: str
    name: str
    kind: str
    created: float
    configuration: dict[str, Any]
    alarms: list[str] = field(default_factory=list)


@dataclass
class ScheduledAction:
    """A scheduled action.

    Attributes
    ----------
    arn, name, created
        Its ARN and name, and when it was made, in seconds.
    schedule, timezone
        As they were put; the time zone may be None.
    start, end
        Seconds, or None.
    minimum, maximum
        The bounds that it sets; None leaves one as it is.
    ran
        When it ran last, or when it was put.
    """

    arn: str
    name: str
    created: float
    schedule: str
    timezone: str | None = None
    start: float | None = None
    end: float | None = None
    minimum: int | None = None
    maximum: int | None = None
    ran: float = 0.0


@dataclass
class Target:
    """A scalable target.

    Attributes
    ----------
    key, arn, created
        What it scales, its ARN, and when it was registered, in seconds.
    minimum, maximum
        Its bounds.
    suspended
        Its SuspendedState, all three members.
    policies, actions
        By name.
    memory
        The cooldown of its last scaling by a policy.
    """

    key: Key
    arn: str
    created: float
    minimum: int
    maximum: int
    suspended: dict[str, bool]
    policies: dict[str, Policy] = field(default_factory=dict)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    @property
    def members(self) -> dict[str, str]:
        """Its key by the members of requests and answers."""
        return dict(zip(KEY_MEMBERS, self.key, strict=True))


@dataclass
class Activity:
    """A scaling activity.

    Attributes
    ----------
    key, cause, description, started
        What it scales and why, in AWS's words; seconds.
    capacity
        What it sets; None for the change of bounds by a scheduled action.
    status, message, ended
        How it went.
    not_scaled
        Its NotScaledReasons, for a decision not to scale.
    by_policy
        Whether a policy began it: then a cooldown follows.
    """

    key: Key
    cause: str
    description: str
    started: float
    capacity: int | None = None
    status: str = "Pending"
    message: str = ""
    ended: float | None = None
    not_scaled: list[dict[str, Any]] = field(default_factory=list)
    by_policy: bool = False
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def under_way(self) -> bool:
        """Whether the capacity that it set does not serve yet."""
        return self.status in ("Pending", "InProgress")

    def end(self, status: str, message: str, at: float) -> None:
        """Note how it ended."""
        self.status, self.message, self.ended = status, message, at


@dataclass
class Scaling(KeptStore):
    """The targets of a cloud, and what scaled them, the oldest first.

    `lock` guards both; whatever calls another service does so without it.
    """

    targets: dict[Key, Target] = field(default_factory=dict)
    activities: deque[Activity] = field(default_factory=lambda: deque(maxlen=MOST_ACTIVITIES))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def note(self, activity: Activity) -> None:
        """Add an activity; those older than six weeks go."""
        with self.lock:
            while self.activities and self.activities[0].started < activity.started - KEPT_SECONDS:
                self.activities.popleft()
            self.activities.append(activity)

    def under_way(self, key: Key) -> Activity | None:
        """Return the activity of a target that has not ended, or None."""
        with self.lock:
            return next(
                (each for each in reversed(self.activities) if each.key == key and each.under_way), None
            )


class Turns(TransientStore):
    """Whose turn it is to decide on capacities, change bounds, and enforce them.

    These are done by callers and by the clock's thread; what one concludes from bounds and capacity must
    still be so when it sets a capacity. `Scaling.lock` may be taken within it, not the other way round.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()


def scaling_of(cloud: Cloud) -> Scaling:
    """Return the targets and activities of a cloud."""
    return cloud.store(Scaling)


def key_of(parameters: dict[str, Any]) -> Key:
    """Return the target that a request names."""
    namespace, resource, dimension = (parameters[name] for name in KEY_MEMBERS)
    return namespace, resource, dimension


def find_target(call: Call) -> Target:
    """Return the registered target that a call names.

    Raises
    ------
    AwsError
        ``ObjectNotFoundException``.
    """
    key = key_of(call.parameters)
    target = scaling_of(call.cloud).targets.get(key)
    if target is None:
        raise not_found("scalable target registered", key)
    return target


def not_found(what: str, key: Key, **more: str) -> AwsError:
    """Return AWS's error for a target, policy or scheduled action that does not exist."""
    named = {"service namespace": key[0], "resource ID": key[1], "scalable dimension": key[2], **more}
    text = ", ".join(f"{name}: {value}" for name, value in named.items())
    return AwsError("ObjectNotFoundException", f"No {what} for {text}")


def validation_error(message: str) -> AwsError:
    """Return a ValidationException."""
    return AwsError("ValidationException", message)
