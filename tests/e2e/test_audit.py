"""The audits of the stack as it is: its account, its plan, and whether a credential lies anywhere."""

from __future__ import annotations

import json
import os
import stat
from itertools import chain
from pathlib import Path

import pytest

from kennel.audit.account.audit import audit_account
from kennel.audit.code import audit_code

from .planted_secrets import PLANTED, files, holders

pytestmark = [pytest.mark.slow, pytest.mark.cloud]
ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-audit" / "bin" / "python"


def test_the_account_has_no_finding(deployed, client) -> None:
    report = audit_account(client, ROOT, python=PYTHON)

    assert [finding.as_dict() for finding in report.findings] == []
    assert report.identities >= 8  # workloads and pipelines
    assert set(report.unknown) == {"Access Analyzer's ValidatePolicy"}


def test_the_plan_has_no_finding_and_shows_every_policy(deployed, tmp_path: Path) -> None:
    _, document = deployed.planned()
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(document))

    report = audit_code(ROOT, plan=plan, python=PYTHON)

    assert list(map(str, report.failed)) == []
    assert report.unknown == ()
    policies = {finding.resource for finding in report.passes if finding.check == "CKV_KENNEL_16"}
    assert 'module.identity.aws_iam_role_policy.this["notebook"]' in policies


def test_no_credential_lies_in_a_file_an_object_or_a_log(deployed, client) -> None:
    cloud = deployed.workspace.build.parent / "cloud"
    secrets = {
        **PLANTED,
        "the operator's secret": (cloud / "operator-secret").read_text().strip(),
        **session_of_the_pipeline(deployed, client),
    }
    # The service keeps them in the state of the account, which it must find again when it is started anew.
    kept = [cloud / "operator-secret", cloud / "state"]

    assert holders([("a", b"x" * 9 + secrets["the session's token"].encode())], secrets)  # it would be seen
    contents = chain(
        files(deployed.workspace.build.parent, without=kept),
        objects(client("s3"), deployed.stack),
        events(client("logs")),
    )
    assert holders(contents, secrets) == []


def session_of_the_pipeline(deployed, client) -> dict[str, str]:
    """Use a session of a pipeline's role; return its secrets."""
    with deployed.acting_as("plan"):
        client("sts").get_caller_identity()
        return {
            "the session's secret": os.environ["AWS_SECRET_ACCESS_KEY"],
            "the session's token": os.environ["AWS_SESSION_TOKEN"],
        }


def objects(s3, outputs):
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for entry in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket["Name"], Key=entry["Key"])["Body"].read()
                yield f"s3://{bucket['Name']}/{entry['Key']}", body


def events(logs):
    for group in logs.describe_log_groups()["logGroups"]:
        name = group["logGroupName"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
            text = "\n".join(event["message"] for event in page["events"])
            yield f"log group {name}", text.encode()


def test_the_local_cloud_s_files_are_for_their_owner_only(deployed) -> None:
    cloud = deployed.workspace.build.parent / "cloud"
    temporary = Path((cloud / "temporary-folder").read_text().strip())

    assert stat.S_IMODE(cloud.stat().st_mode) == 0o700  # so nobody else reaches what is in it
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    for secret in (cloud / "operator-secret", cloud / "state"):
        assert not stat.S_IMODE(secret.stat().st_mode) & 0o077
