"""What was used by IAM's last-accessed data, and the smallest policy by it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kennel.audit.account import last_access
from kennel.audit.account.last_access import LastAccess, smallest
from kennel.audit.account.reading import Account, Identity

WHEN = datetime(2026, 11, 1, tzinfo=UTC)
ACCESS = LastAccess(
    services={"s3": WHEN, "sqs": None, "logs": WHEN},
    actions={"s3:GetObject": WHEN, "s3:PutObject": None, "s3:ListBucket": WHEN},
)
ROLE = Identity("role", "r", "arn:aws:iam::123456789012:role/r", WHEN)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"inline": {"Version": "2012-10-17", "Statement": list(statements)}}


def allow(action: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": "*", **more}


@pytest.mark.parametrize(
    ("granted", "kept"),
    [
        (["s3:GetObject", "s3:PutObject"], ["s3:GetObject"]),
        (["s3:*"], ["s3:GetObject", "s3:ListBucket"]),
        (["s3:Get*", "sqs:SendMessage"], ["s3:GetObject"]),
        # IAM does not say which actions of logs were called: what it does not know stays.
        (["logs:PutLogEvents", "logs:Create*"], ["logs:Create*", "logs:PutLogEvents"]),
        (["*"], ["logs:*", "s3:GetObject", "s3:ListBucket"]),
    ],
)
def test_an_action_stays_unless_it_was_not_used(granted: list[str], kept: list[str]) -> None:
    [statement] = smallest(policy(allow(granted, Sid="Same")), ACCESS)["Statement"]
    assert statement == {"Effect": "Allow", "Action": kept, "Resource": "*", "Sid": "Same"}


def test_a_statement_of_which_nothing_was_used_goes_and_a_deny_stays() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert smallest(policy(allow("sqs:*"), deny), ACCESS)["Statement"] == [deny]


def test_everything_but_something_becomes_what_was_used() -> None:
    open_statement = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    [statement] = smallest(policy(open_statement), ACCESS)["Statement"]
    assert "NotAction" not in statement
    assert statement["Action"] == ["logs:*", "s3:GetObject", "s3:ListBucket"]


class Iam:
    """IAM, whose job needs a while and has two pages."""

    def __init__(self) -> None:
        self.asked = 0

    def generate_service_last_accessed_details(self, **_: Any) -> dict[str, str]:
        return {"JobId": "1"}

    def get_service_last_accessed_details(self, **parameters: str) -> dict[str, Any]:
        self.asked += 1
        if self.asked < 3:
            return {"JobStatus": "IN_PROGRESS"}
        if "Marker" not in parameters:
            s3 = {"ServiceNamespace": "s3", "LastAuthenticated": WHEN}
            s3["TrackedActionsLastAccessed"] = [{"ActionName": "GetObject", "LastAccessedTime": WHEN}]
            return {
                "JobStatus": "COMPLETED",
                "ServicesLastAccessed": [s3],
                "IsTruncated": True,
                "Marker": "2",
            }
        return {"JobStatus": "COMPLETED", "ServicesLastAccessed": [{"ServiceNamespace": "sqs"}]}


def test_a_job_is_asked_for_until_it_is_complete_and_read_to_its_end() -> None:
    account, waited = Account("123456789012", [ROLE]), []
    read = last_access.read(account, Iam(), lambda _: None, waited.append)
    assert len(waited) == 2
    assert read[ROLE.arn].last == WHEN
    assert read[ROLE.arn].unused_services == ["sqs"]
    assert read[ROLE.arn].uses("s3:GetObject") is True
    assert account.unknown == {}


class Refuses:
    """IAM, which the caller may not ask."""

    def generate_service_last_accessed_details(self, **_: Any) -> dict[str, str]:
        error = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(error, "GenerateServiceLastAccessedDetails")


def test_what_may_not_be_asked_is_not_known_and_no_finding() -> None:
    account = Account("123456789012", [ROLE])
    assert last_access.read(account, Refuses(), lambda _: None) == {}
    assert account.unknown["last-accessed data"].startswith("AccessDenied")
