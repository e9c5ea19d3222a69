"""Target tracking, step scaling and cooldowns: each case with the statement of AWS that it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from _pytest.mark import ParameterSet

from kennel.capacity.scaling import step_scaling, target_tracking
from kennel.capacity.scaling.alarms import INSUFFICIENT_DATA
from kennel.capacity.scaling.cooldowns import Memory
from kennel.capacity.scaling.decision import Decision, NotScaled
from kennel.capacity.scaling.step_scaling import Step, StepError, StepScaling, check_steps
from kennel.capacity.scaling.target_tracking import TargetTracking
from kennel.capacity.scaling.tracker import Tracker

GUIDE = "https://docs.aws.amazon.com/autoscaling/application/userguide/"
TRACKING = f"{GUIDE}target-tracking-scaling-policy-overview.html"
COOLDOWN = f"{TRACKING}#target-tracking-cooldown"
ROUNDING = f"{TRACKING}#target-tracking-considerations"
STEPS = f"{GUIDE}step-scaling-policy-overview.html#step-scaling-adjustments"
STEP_ROUNDING = f"{GUIDE}step-scaling-policy-overview.html#step-scaling-adjustment-types"
STEP_COOLDOWN = f"{GUIDE}step-scaling-policy-overview.html#step-scaling-cooldown"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html"
REASONS = "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html"
DISABLED = (
    "https://docs.aws.amazon.com/autoscaling/application/APIReference/"
    "API_TargetTrackingScalingPolicyConfiguration.html"
)
HIGH_RESOLUTION = "https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-add-code-define.html"
PREMATURE = (
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html"
    "#CloudWatch-alarms-avoiding-premature-transition"
)

POLICY = TargetTracking(100.0, 1, 10)
NOW = 10_000.0


def case(what: str, source: str, *values: object) -> ParameterSet:
    """Return one row of a table; the source is shown where it fails."""
    return pytest.param(*values, source, id=what)


def run(policy: TargetTracking, capacity: int, minutes: Sequence[float | None]) -> list[int]:
    """Return the capacity after each period of a metric; what is applied serves at once."""
    tracker, period, counts = Tracker(policy, capacity), policy.high_alarm.period, []
    for number, value in enumerate(minutes, 1):
        if tracker.datapoint(value, number * period):
            tracker.completed(number * period)
        counts.append(tracker.capacity)
    return counts


@pytest.mark.parametrize(
    ("policy", "capacity", "minutes", "expected", "source"),
    [
        case("out after the third minute", TRACKING, POLICY, 1, [200.0] * 3, [1, 1, 2]),
        case("three on end", LAMBDA, POLICY, 1, [200.0, 200.0, 99.0, 200.0, 200.0, 200.0], [1] * 5 + [2]),
        case("the target itself is not over it", LAMBDA, POLICY, 1, [100.0] * 20, [1] * 20),
        case("in after the fifteenth minute", LAMBDA, POLICY, 2, [40.0] * 15, [2] * 14 + [1]),
        case("90 % of the target is not under it", LAMBDA, POLICY, 4, [90.0] * 20, [4] * 20),
        case("one less would be over the target", REASONS, POLICY, 4, [89.9] * 20, [4] * 20),
        case("89.9 % of ten is nine", ROUNDING, POLICY, 10, [89.9] * 15, [10] * 14 + [9]),
        case("proportional to the metric", TRACKING, POLICY, 1, [1000.0] * 3, [1, 1, 10]),
        case("5.04 is rounded up to 6", ROUNDING, POLICY, 4, [126.0] * 3, [4, 4, 6]),
        case("2.04 stays 3, not 2", ROUNDING, POLICY, 4, [51.0] * 15, [4] * 14 + [3]),
        case("not more than the maximum", TRACKING, POLICY, 3, [100.0 / 0.1] * 3, [3, 3, 10]),
        case(
            "not less than the minimum", TRACKING, TargetTracking(100.0, 2, 10), 5, [1.0] * 15, [5] * 14 + [2]
        ),
        case("real zeros scale in", TRACKING, POLICY, 4, [0.0] * 15, [4] * 14 + [1]),
        case(
            "to 0 if the minimum is 0", TRACKING, TargetTracking(100.0, 0, 10), 4, [0.0] * 15, [4] * 14 + [0]
        ),
        case("no data: INSUFFICIENT_DATA scales nothing", TRACKING, POLICY, 4, [None] * 30, [4] * 30),
        case(
            "a gap counts as a breach among breaches", PREMATURE, POLICY, 1, [200.0, None, 200.0], [1, 1, 2]
        ),
        case("no scale-in", DISABLED, TargetTracking(100.0, 1, 10, scale_in=False), 4, [0.0] * 30, [4] * 30),
        case(
            "out goes on", DISABLED, TargetTracking(100.0, 1, 10, scale_in=False), 1, [200.0] * 3, [1, 1, 2]
        ),
        case("again when the cooldown has ended", COOLDOWN, POLICY, 1, [200.0] * 8, [1, 1, 2, 2, 2, 2, 2, 4]),
        case(
            "a larger scale-out adds the rest",
            COOLDOWN,
            POLICY,
            1,
            [200.0] * 4 + [300.0] * 2,
            [1, 1, 2, 2, 3, 3],
        ),
        case(
            "no cooldown",
            COOLDOWN,
            TargetTracking(100.0, 1, 10, scale_out_cooldown=0),
            1,
            [200.0] * 4,
            [1, 1, 2, 4],
        ),
        case(
            "the next scale-in waits for its cooldown",
            COOLDOWN,
            POLICY,
            8,
            [50.0] * 21,
            [8] * 14 + [4] * 5 + [2] * 2,
        ),
        case(
            "a scale-out ends a scale-in's cooldown",
            COOLDOWN,
            TargetTracking(100.0, 1, 10, scale_in_cooldown=1200),
            8,
            [50.0] * 15 + [200.0] * 3 + [50.0] * 15,
            [8] * 14 + [4] * 3 + [8] * 15 + [4],
        ),
        case(
            "30 s",
            HIGH_RESOLUTION,
            TargetTracking(5.0, 1, 10, high_resolution=True),
            1,
            [10.0] * 3,
            [1, 1, 2],
        ),
        case(
            "in after fifteen minutes all the same",
            HIGH_RESOLUTION,
            TargetTracking(5.0, 1, 10, high_resolution=True),
            2,
            [1.0] * 90,
            [2] * 89 + [1],
        ),
        case(
            "utilisation 0.9 of 0.7 is 6.4", LAMBDA, TargetTracking(0.7, 1, 9, 0, 0), 5, [0.9] * 3, [5, 5, 7]
        ),
        case("63 % is not less than 63 %", LAMBDA, TargetTracking(0.7, 1, 9, 0, 0), 5, [0.63] * 20, [5] * 20),
    ],
)
def test_target_tracking(
    policy: TargetTracking, capacity: int, minutes: list[float | None], expected: list[int], source: str
) -> None:
    assert run(policy, capacity, minutes) == expected, source


def test_nothing_scales_while_the_last_activity_is_under_way() -> None:
    tracker = Tracker(POLICY, 1)
    assert [bool(tracker.datapoint(500.0, minute * 60)) for minute in range(1, 7)] == [False] * 2 + [True] + [
        False
    ] * 3
    tracker.completed(360)
    assert tracker.memory.until == 360 + 300, "the cooldown counts from the completion"


def test_a_failed_activity_has_no_cooldown() -> None:
    memory = Memory()
    memory.began(1, 2, 300, NOW)
    assert memory.under_way
    memory.failed()
    assert memory.scale_out_base(1, NOW + 1) == 1
    assert not memory.under_way


def test_the_alarms_are_those_that_the_documentation_describes() -> None:
    high, low = POLICY.high_alarm, POLICY.low_alarm
    assert (high.comparison, high.threshold, high.period, high.evaluation_periods) == (
        "GreaterThanThreshold",
        100.0,
        60,
        3,
    )
    assert (low.comparison, low.threshold, low.period, low.evaluation_periods) == (
        "LessThanThreshold",
        90.0,
        60,
        15,
    )
    assert TargetTracking(70.0, 1, 2).low_alarm.threshold == 63.0  # the documentation's example


def test_a_tracker_begins_without_a_state() -> None:
    assert Tracker(POLICY, 1).high.state == INSUFFICIENT_DATA


@pytest.mark.parametrize(
    ("policy", "value", "capacity", "code"),
    [
        (POLICY, 500.0, 10, "AlreadyAtMaxCapacity"),
        (POLICY, 10.0, 1, "AutoScalingAnticipatedFlapping"),
        (POLICY, 0.0, 1, "AlreadyAtMinCapacity"),
        (POLICY, 80.0, 4, "AutoScalingAnticipatedFlapping"),
        (TargetTracking(100.0, 3, 10), 20.0, 3, "AlreadyAtMinCapacity"),
        (TargetTracking(100.0, 3, 5), 200.0, 8, "AlreadyAtMaxCapacity"),
        (POLICY, 95.0, 4, ""),
    ],
    ids=[
        "maximum",
        "in to none",
        "minimum",
        "flapping",
        "minimum of 3",
        "over the maximum",
        "near the target",
    ],
)  # the codes of https://docs.aws.amazon.com/autoscaling/application/APIReference/API_NotScaledReason.html
def test_reasons_not_to_scale(policy: TargetTracking, value: float, capacity: int, code: str) -> None:
    outcome = target_tracking.weigh(policy, Memory(), value, capacity, NOW)
    assert isinstance(outcome, NotScaled)
    assert outcome.code == code
    assert target_tracking.decide(policy, Memory(), value, capacity, NOW) is None


INFINITY = math.inf
OUT = (Step(0, 10, 0), Step(10, 20, 10), Step(20, INFINITY, 30))
IN = (Step(-10, 0, 0), Step(-20, -10, -10), Step(-INFINITY, -20, -30))


@pytest.mark.parametrize(
    ("steps", "kind", "capacity", "value", "magnitude", "expected", "source"),
    [
        case("the first step leaves it", STEPS, OUT, "PercentChangeInCapacity", 10, 59.0, 0, 10),
        case("60: the bound is inclusive", STEPS, OUT, "PercentChangeInCapacity", 10, 60.0, 0, 11),
        case("30 % of 11 is 3", STEPS, OUT, "PercentChangeInCapacity", 11, 70.0, 0, 14),
        case("40: the upper bound is inclusive", STEPS, IN, "PercentChangeInCapacity", 14, 40.0, 0, 13),
        case("30 % of 13 is 3", STEPS, IN, "PercentChangeInCapacity", 13, 30.0, 0, 10),
        case("above 40 nothing changes", STEPS, IN, "PercentChangeInCapacity", 14, 40.5, 0, 14),
        case("3 and 5 is 8", STEP_ROUNDING, (Step(0, INFINITY, 5),), "ChangeInCapacity", 3, 50.0, 0, 8),
        case("exactly 5", STEP_ROUNDING, (Step(0, INFINITY, 5),), "ExactCapacity", 3, 50.0, 0, 5),
        case("exactly 5, inwards", STEP_ROUNDING, (Step(0, INFINITY, 5),), "ExactCapacity", 8, 50.0, 0, 5),
        case(
            "12.7 is 12", STEP_ROUNDING, (Step(0, INFINITY, 127),), "PercentChangeInCapacity", 10, 50.0, 0, 22
        ),
        case(".67 is 1", STEP_ROUNDING, (Step(0, INFINITY, 67),), "PercentChangeInCapacity", 1, 50.0, 0, 2),
        case(
            "-.58 is -1", STEP_ROUNDING, (Step(-INFINITY, 0, -58),), "PercentChangeInCapacity", 1, 49.0, 0, 0
        ),
        case(
            "-6.7 is -6", STEP_ROUNDING, (Step(-INFINITY, 0, -67),), "PercentChangeInCapacity", 10, 49.0, 0, 4
        ),
        case("2 at least", STEP_ROUNDING, (Step(0, INFINITY, 25),), "PercentChangeInCapacity", 4, 50.0, 2, 6),
        case("the maximum", STEPS, (Step(0, INFINITY, 50),), "ChangeInCapacity", 3, 50.0, 0, 30),
    ],
)
def test_step_scaling(
    steps: tuple[Step, ...],
    kind: str,
    capacity: int,
    value: float,
    magnitude: int,
    expected: int,
    source: str,
) -> None:
    policy = StepScaling(kind, steps, 0, 30, minimum_magnitude=magnitude)
    outcome = step_scaling.weigh(policy, Memory(), value, 50.0, capacity, NOW)
    assert (outcome.capacity if isinstance(outcome, Decision) else capacity) == expected, source


def test_a_more_aggressive_step_in_the_cooldown_adds_the_difference() -> None:
    """The example of https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html."""
    policy = StepScaling("ChangeInCapacity", (Step(0, 10, 2), Step(10, INFINITY, 3)), 1, 20)
    memory = Memory()
    memory.began(5, 7, policy.cooldown, NOW)
    memory.completed(NOW)
    outcome = step_scaling.weigh(policy, memory, 65.0, 50.0, 7, NOW + 60)
    assert isinstance(outcome, Decision)
    assert outcome.capacity == 8
    assert isinstance(step_scaling.weigh(policy, memory, 55.0, 50.0, 7, NOW + 60), NotScaled)
    later = step_scaling.weigh(policy, memory, 55.0, 50.0, 7, NOW + 300)
    assert isinstance(later, Decision)
    assert later.capacity == 9


def test_a_step_inwards_waits_for_the_cooldown_of_a_scale_in() -> None:
    policy = StepScaling("ChangeInCapacity", (Step(-INFINITY, 0, -1),), 1, 20)
    memory = Memory()
    memory.began(5, 4, policy.cooldown, NOW)
    memory.completed(NOW)
    assert isinstance(step_scaling.weigh(policy, memory, 40.0, 50.0, 4, NOW + 299), NotScaled)
    assert isinstance(step_scaling.weigh(policy, memory, 40.0, 50.0, 4, NOW + 300), Decision)


@pytest.mark.parametrize(
    ("steps", "kind", "message"),
    [
        ((), "ChangeInCapacity", "At least one"),
        ((Step(-INFINITY, INFINITY, 1),), "ChangeInCapacity", "At least one of the lower"),
        ((Step(0, 10, 1), Step(5, INFINITY, 2)), "ChangeInCapacity", "overlap"),
        ((Step(0, 10, 1), Step(20, INFINITY, 2)), "ChangeInCapacity", "gaps"),
        ((Step(0, 10, 1),), "ChangeInCapacity", "unspecified upper"),
        ((Step(-10, 0, -1),), "ChangeInCapacity", "unspecified lower"),
        ((Step(10, 0, -1),), "ChangeInCapacity", "less than its upper"),
        ((Step(0, INFINITY, -1),), "ExactCapacity", "must not be negative"),
    ],
)  # the rules of https://docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
def test_step_adjustments_that_aws_refuses(steps: tuple[Step, ...], kind: str, message: str) -> None:
    with pytest.raises(StepError, match=message):
        check_steps(steps, kind)


def test_the_documentations_step_adjustments_are_accepted() -> None:
    check_steps(OUT, "PercentChangeInCapacity")
    check_steps(IN, "PercentChangeInCapacity")
