"""What could not be delivered is tried again by the clock, within a target's policy."""

from __future__ import annotations

import contextlib
import pickle
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from kennel.localcloud.clock import Clock
from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.services.events import delivery
from kennel.localcloud.services.events.attempts import Progress, Undelivered, check_policy, deliver
from kennel.localcloud.services.events.pending import Deliveries

BUSY = AwsError("ThrottlingException", "Rate exceeded", 400)


class Target:
    """A target that fails with an error so many times, and when it was tried."""

    def __init__(self, error: Exception, times: int = 10_000, **policy: int) -> None:
        self.clock, self.at = Clock(speed=0), list[int]()
        self.result: Undelivered | str | None = "not done"
        self._error, self._times, self._began = error, times, self.clock.time()
        changes = SimpleNamespace(call=contextlib.nullcontext, note=lambda: None)
        self._cloud: Any = SimpleNamespace(clock=self.clock, changes=changes)
        participant = self.clock.participant("a target")
        threading.Thread(target=self._run, args=(participant, policy), daemon=True).start()

    def _run(self, participant: Any, policy: dict[str, int]) -> None:
        with self.clock.taking_part(participant):
            self.result = deliver(self._cloud, "an event", policy, self._send, Progress(self._began))

    def _send(self, attempt: int) -> None:
        self.at.append(round(self.clock.time() - self._began))
        assert attempt == len(self.at)
        if attempt <= self._times:
            raise self._error


def test_the_pauses_grow_until_it_succeeds() -> None:
    target = Target(BUSY, times=4)
    target.clock.advance(3600)
    assert (target.at, target.result) == ([0, 1, 3, 7, 15], None)


def test_within_a_day_all_retries_are_used() -> None:
    target = Target(AwsError("InternalFailure", "no", 500))
    target.clock.advance(86_400)
    assert target.result == Undelivered("InternalFailure", "no", "MaximumRetryAttempts", 185)
    assert 80_000 < target.at[-1] < 86_400


def test_an_event_that_is_too_old_is_given_up() -> None:
    target = Target(EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), MaximumEventAgeInSeconds=60)
    target.clock.advance(3600)
    assert isinstance(target.result, Undelivered)
    assert (target.at[-1], target.result.exhausted) == (31, "MaximumEventAgeInSeconds")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AwsError("AuthorizationError", "no", 403), "NO_PERMISSIONS"),
        (AwsError("QueueDoesNotExist", "no", 404), "NO_RESOURCE"),
        (AwsError("NotImplemented", "no", 501), "ERROR_FROM_TARGET"),
        (
            ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "PutItem"),
            "INVALID_PARAMETER",
        ),
    ],
)
def test_what_cannot_succeed_is_not_tried_again(error: Exception, code: str) -> None:
    target = Target(error)
    target.clock.advance(60)
    assert isinstance(target.result, Undelivered)
    assert (target.at, target.result.event_bridge_code, target.result.exhausted) == ([0], code, "")
    assert target.result.attributes(RULE_ARN="r") == {
        "ERROR_MESSAGE": {"DataType": "String", "StringValue": "no"},
        "RETRY_ATTEMPTS": {"DataType": "String", "StringValue": "0"},
        "RULE_ARN": {"DataType": "String", "StringValue": "r"},
    }


@pytest.mark.parametrize(
    "target",
    [
        {"RetryPolicy": {"MaximumRetryAttempts": 186}},
        {"RetryPolicy": {"MaximumEventAgeInSeconds": 59}},
        {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q.fifo"}},
        {"DeadLetterConfig": {"Arn": "arn:aws:sns:us-east-1:123456789012:t"}},
    ],
)
def test_policies_outside_of_aws_s_limits_are_refused(target: dict[str, Any]) -> None:
    with pytest.raises(AwsError, match=r"failed to satisfy constraint|must be of a standard SQS queue"):
        check_policy(target)


def test_what_was_not_delivered_is_tried_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MOTO_PORT", "MOTO_ACCOUNT_ID"):
        monkeypatch.setenv(name, "")
    at: list[float] = []

    def send(cloud: Cloud, *sent: Any) -> None:
        at.append(cloud.clock.time())
        assert sent[3] == '{"mark": 1}'
        if len(at) <= 5:
            raise BUSY

    monkeypatch.setattr(delivery, "_send", send)
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "Input": '{"mark": 1}'}
    first = Cloud(tmp_path, 4510, Clock(0))
    began = first.clock.time()
    delivery.EventDelivery(Progress(began), "rule", {"RuleName": "r"}, target, {}).start(first)
    first.clock.advance(10)  # attempts after 0, 1, 3 and 7 seconds
    assert len(at) == 4
    kept = pickle.dumps(first.store(Deliveries))
    first.shutdown()
    second = Cloud(tmp_path, 4510, Clock(0))
    second.clock.advance(began + 3600 - second.clock.time())
    at_restart = second.clock.time()
    second.restore_stores([pickle.loads(kept)])
    second.resume()
    second.clock.advance(60)
    assert [round(each - at_restart) for each in at[4:]] == [0, 16]
    assert not second.store(Deliveries).by_id
    second.shutdown()
