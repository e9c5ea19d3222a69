"""What counts as a change, and when it is to be saved."""

from __future__ import annotations

import threading
import time

import pytest

from kennel.localcloud.dispatch.changes import Changes


@pytest.mark.parametrize(
    ("service", "operation", "changes"),
    [
        ("s3", "PutObject", True),
        ("s3", "GetObject", False),
        ("sagemaker", "DescribeEndpoint", False),
        ("sts", "AssumeRole", True),
        ("sts", "GetSessionToken", True),
        ("sqs", "ReceiveMessage", True),
        ("iam", "GetRole", False),
        ("lambda", "Invoke", False),
        ("logs", "PutLogEvents", True),
    ],
)
def test_operations_that_read_change_nothing(service: str, operation: str, changes: bool) -> None:
    noted = Changes()
    noted.note_call(service, operation)
    assert noted.unsaved is changes


def test_a_snapshot_holds_what_changed_before_it_began() -> None:
    changes = Changes()
    changes.note(0)
    assert changes.wait_due(0)
    number = changes.take()
    changes.note(0)
    changes.saved(number)
    assert changes.unsaved
    changes.saved(changes.take())
    assert not changes.unsaved


def test_a_change_ends_the_wait_and_closing_does_too() -> None:
    changes = Changes()
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(changes.wait_due(0)))
    waiting.start()
    changes.note(0)
    waiting.join(10)
    assert results == [True]
    changes.take()
    waiting = threading.Thread(target=lambda: results.append(changes.wait_due(0)))
    waiting.start()
    changes.close()
    waiting.join(10)
    assert results == [True, False]


def test_a_call_that_does_not_end_delays_a_snapshot_by_a_moment_only() -> None:
    changes = Changes()
    with changes.call():
        changes.wait_quiet(0.01)  # it returns
    began = time.monotonic()
    changes.wait_quiet(60)
    assert time.monotonic() - began < 30
