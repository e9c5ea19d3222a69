"""Calls from CloudTrail's events, as its user guide shows them, by the local cloud's map of permissions."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from kennel.audit import AuditError
from kennel.audit.access import analysis, cloudtrail
from kennel.audit.access.roles import Role, RolePolicy
from kennel.localcloud import redecision
from kennel.localcloud.trail_permissions import permissions_of

ROLE = "kennel-prod-function-us-east-1"
ACCOUNT = "123456789012"


def event(source: str, name: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/session",
            "sessionContext": {"sessionIssuer": {"type": "Role", "userName": ROLE}},
        },
        "eventTime": "2026-11-27T10:00:00Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": "us-east-1",
        "requestParameters": parameters,
        "recipientAccountId": ACCOUNT,
        **more,
    }


def calls_of(path: Path, *events: dict[str, Any], packed: bool = False) -> set[tuple[str, str | None, bool]]:
    content = json.dumps({"Records": list(events)}).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    recording = cloudtrail.of_file(path, permissions_of)
    return {(call.action, call.resource, call.allowed) for call in recording.counts}


@pytest.mark.parametrize(
    ("called", "required"),
    [
        pytest.param(
            event("s3", "GetObject", {"bucketName": "photos", "key": "inbox/1.jpg"}),
            [("s3:GetObject", "arn:aws:s3:::photos/inbox/1.jpg")],
            id="an object, a data event",
        ),
        pytest.param(
            event("s3", "GetBucketLifecycle", {"bucketName": "photos"}),
            [("s3:GetLifecycleConfiguration", "arn:aws:s3:::photos")],
            id="an event, an operation and an action of three names",
        ),
        pytest.param(
            event("monitoring", "PutMetricAlarm", {"alarmName": "errors"}),
            [("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:errors")],
            id="a service of another name",
        ),
        pytest.param(
            event("lambda", "GetFunction20150331v2", {"functionName": "f"}),
            [("lambda:GetFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f")],
            id="a version in the name",
        ),
        pytest.param(
            event(
                "sagemaker",
                "CreateTrainingJob",
                {"trainingJobName": "job", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/training"},
            ),
            [
                ("sagemaker:CreateTrainingJob", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/job"),
                ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/training"),
            ],
            id="the role that it passes",
        ),
        pytest.param(
            event("kms", "Decrypt", {}, resources=[{"ARN": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"}]),
            [("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1")],
            id="a resource that the event names",
        ),
        pytest.param(event("kms", "Decrypt", {}), [("kms:Decrypt", None)], id="no resource"),
        pytest.param(event("new-service", "GetThing"), [("new-service:GetThing", None)], id="unknown"),
    ],
)
def test_an_event_is_what_its_call_requires(
    tmp_path: Path, called: dict[str, Any], required: list[tuple[str, str | None]]
) -> None:
    assert calls_of(tmp_path / "trail.json", called) == {(*item, True) for item in required}


def test_a_denied_event_is_the_permission_that_its_message_names(tmp_path: Path) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
    message = (
        f"User: x is not authorized to perform: sagemaker:InvokeEndpoint on resource: {arn} because no …"
    )
    denied = event("sagemaker", "InvokeEndpoint", errorCode="AccessDenied", errorMessage=message)
    unnamed = event("ec2", "RunInstances", errorCode="Client.UnauthorizedOperation")
    other_error = event("sts", "AssumeRole", errorCode="ValidationError")

    assert calls_of(tmp_path / "trail.json.gz", denied, unnamed, other_error, packed=True) == {
        ("sagemaker:InvokeEndpoint", arn, False),
        ("ec2:RunInstances", None, False),
        ("sts:AssumeRole", None, True),
    }


def test_what_users_and_services_called_is_no_role_s_call(tmp_path: Path) -> None:
    of_user = {**event("s3", "ListBuckets"), "userIdentity": {"type": "IAMUser", "userName": "x"}}
    of_service = {**event("sts", "AssumeRole"), "userIdentity": {"type": "AWSService"}}
    assert calls_of(tmp_path / "trail.json", of_user, of_service) == set()


def test_without_condition_keys_conditions_are_taken_as_met(tmp_path: Path) -> None:
    allow = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "arn:aws:kms:us-east-1:1:key/1"}
    via_s3 = {**allow, "Condition": {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}}
    deny = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    role = Role(ROLE, "function", "kennel-prod", (RolePolicy("own", {"Statement": [via_s3, deny]}),))
    path = tmp_path / "trail.json"
    path.write_text(json.dumps({"Records": [event("kms", "Decrypt", {})]}))

    access = analysis.analyse(cloudtrail.of_file(path, permissions_of), [role], [], redecision.allows)

    assert access.ok
    assert [use.used for use in access.roles[0].grants] == [1]


def test_look_up_reads_every_page_of_the_last_hours() -> None:
    events = [event("sqs", "SendMessage"), event("kms", "Decrypt", {})]

    class CloudTrail:
        asked: dict[str, Any]

        def get_paginator(self, operation: str) -> CloudTrail:
            assert operation == "lookup_events"
            return self

        def paginate(self, **request: Any) -> list[dict[str, Any]]:
            self.asked = request
            return [{"Events": [{"CloudTrailEvent": json.dumps(item)}]} for item in events]

    client = CloudTrail()
    recording = cloudtrail.look_up(client, 2, permissions_of)

    assert {call.action for call in recording.counts} == {"sqs:SendMessage", "kms:Decrypt"}
    assert (client.asked["EndTime"] - client.asked["StartTime"]).total_seconds() == 7200


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\x1f\x8bnot gzip", b'{"Records": [1]}'])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trail.json"
    path.write_bytes(content)
    with pytest.raises(AuditError, match="is no file of CloudTrail events"):
        cloudtrail.of_file(path, permissions_of)
