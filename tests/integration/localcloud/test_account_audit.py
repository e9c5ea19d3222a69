"""The audit of an account with planted weaknesses, in a local cloud of its own."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from kennel.audit.account import reading
from kennel.audit.account.audit import AccountReport, audit_account
from kennel.audit.account.sarif import sarif
from kennel.localcloud import lifecycle
from kennel.localcloud.connection import SDK_PLUGIN

from .conftest import ACCOUNT, document, statement

pytestmark = [pytest.mark.slow, pytest.mark.cloud]
ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".venv-audit" / "bin" / "python"
DAY = 86400
ROLES = f"arn:aws:iam::{ACCOUNT}:role/*"


def trusts(principal: Any, action: str = "sts:AssumeRole", **condition: Any) -> str:
    more = {"Condition": condition} if condition else {}
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


OWN = trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
WEAK_ROLES = {
    # name: (trust policy, statements)
    "everything": (OWN, [statement("*", "*")]),
    "whole-service": (OWN, [statement("s3:*", "arn:aws:s3:::photos")]),
    "escalates": (
        OWN,
        [
            statement("iam:PassRole", ROLES),
            statement("sagemaker:CreateNotebookInstance", "arn:aws:sagemaker:*:*:notebook-instance/x"),
        ],
    ),
    "unlimited": (OWN, [statement(["s3:GetObject", "s3:PutObject"], "*")]),
    "foreign-trust": (trusts({"AWS": "arn:aws:iam::210987654321:root"}), []),
    "no-source": (trusts({"Service": "lambda.amazonaws.com"}), []),
    "any-repository": (
        trusts(
            {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"},
            "sts:AssumeRoleWithWebIdentity",
            StringEquals={"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"},
        ),
        [],
    ),
    "unused": (OWN, [statement("s3:ListBucket", "arn:aws:s3:::photos")]),
    "no-boundary": (OWN, [statement("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/trial-*")]),
    "unused-service": (
        OWN,
        [
            statement("s3:ListBucket", "arn:aws:s3:::photos", Sid="Lists"),
            statement("sqs:SendMessage", f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue", Sid="Sends"),
        ],
    ),
}
USED = ["unused-service", "clean", "everything"]
EXPECTED = {
    ("ADMINISTRATOR", "role/everything"),
    ("WHOLE_SERVICE", "role/whole-service"),
    ("ESCALATION", "role/escalates"),
    ("UNLIMITED", "role/unlimited"),
    ("OPEN_TRUST", "role/foreign-trust"),
    ("NO_SOURCE", "role/no-source"),
    ("OPEN_TRUST", "role/any-repository"),
    ("UNUSED", "role/unused"),
    ("NO_BOUNDARY", "role/no-boundary"),
    ("UNUSED_SERVICE", "role/unused-service"),
    ("FULL_ACCESS", "user/administrator"),
    ("ESCALATION", "user/member"),
    ("OLD_KEY", "user/administrator"),
    ("NO_MFA", "user/administrator"),
    ("PUBLIC_BUCKET", "public-by-acl"),
    ("PUBLIC_BUCKET", "public-by-policy"),
    ("PUBLIC_FUNCTION", "open-url"),
}


class Seeded:
    """A local cloud's account, and what is in it."""

    def __init__(self, status: lifecycle.Status) -> None:
        self.environment = lifecycle.environment(status)

    def client(self, service: str, **credentials: str) -> Any:
        keys = credentials or {
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            **keys,
        )

    def seed(self) -> datetime:
        """Make the weaknesses and what is as it should be; return the time between making and using."""
        iam = self.client("iam")
        for name, (trust, statements) in WEAK_ROLES.items():
            self.role(name, trust, *statements)
        self.role("clean", OWN, statement("s3:ListBucket", "arn:aws:s3:::photos"))
        for user in ("administrator", "member"):
            iam.create_user(UserName=user)
        iam.attach_user_policy(
            UserName="administrator", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        )
        iam.create_login_profile(UserName="administrator", Password="correct-Horse-7")
        iam.create_access_key(UserName="administrator")
        iam.create_group(GroupName="operators")
        policy = iam.create_policy(
            PolicyName="operators", PolicyDocument=document(statement("iam:AttachUserPolicy", "*"))
        )
        iam.attach_group_policy(GroupName="operators", PolicyArn=policy["Policy"]["Arn"])
        iam.add_user_to_group(GroupName="operators", UserName="member")
        self.buckets()
        self.function()
        made = datetime.now(UTC)
        for name in USED:
            self.use(name)
        return made

    def role(self, name: str, trust: str, *statements: dict[str, Any]) -> None:
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))

    def buckets(self) -> None:
        s3 = self.client("s3")
        for name in ("photos", "public-by-acl", "public-by-policy", "blocked"):
            s3.create_bucket(Bucket=name)
        for name in ("public-by-acl", "public-by-policy"):
            s3.delete_public_access_block(Bucket=name)
            s3.put_bucket_ownership_controls(
                Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
            )
        s3.put_bucket_acl(Bucket="public-by-acl", ACL="public-read")
        for name in ("public-by-policy", "blocked"):
            anybody = statement("s3:GetObject", f"arn:aws:s3:::{name}/*", Principal="*")
            s3.put_bucket_policy(Bucket=name, Policy=document(anybody))
        s3.put_public_access_block(
            Bucket="blocked",
            PublicAccessBlockConfiguration={"RestrictPublicBuckets": True, "BlockPublicPolicy": False},
        )

    def function(self) -> None:
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", "def handler(event, context): return {}\n")
        functions = self.client("lambda")
        functions.create_function(
            FunctionName="open-url",
            Runtime="python3.12",
            Role=f"arn:aws:iam::{ACCOUNT}:role/no-source",
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )
        functions.create_function_url_config(FunctionName="open-url", AuthType="NONE")

    def use(self, role: str) -> None:
        """List a bucket in a role."""
        session = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="use"
        )["Credentials"]
        self.client(
            "s3",
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        ).list_objects_v2(Bucket="photos")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AccountReport]:
    """The audit of a seeded account, in which what was not used since it was made counts as unused."""
    folder = tmp_path_factory.mktemp("account")
    cloud = Seeded(lifecycle.up(folder, port=0, keep=False))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(SDK_PLUGIN.parent))
            for name, value in cloud.environment.items():
                patch.setenv(name, value)
            made = cloud.seed()
            now = datetime.now(UTC)
            age = (now - made).total_seconds() / DAY
            yield audit_account(cloud.client, ROOT, unused_days=age, key_days=age, now=now, python=PYTHON)
    finally:
        lifecycle.down(folder)


def seen(report: AccountReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.resource.rpartition(f"{ACCOUNT}:")[2]) for finding in report.findings}


def test_every_planted_weakness_is_reported(report: AccountReport) -> None:
    assert len(EXPECTED) >= 15
    assert EXPECTED - seen(report) == set()


def test_what_is_as_it_should_be_is_not_reported(report: AccountReport) -> None:
    resources = {resource for _, resource in seen(report)}
    assert not resources & {"role/clean", "blocked", "photos"}


def test_a_block_of_the_whole_account_closes_its_buckets(report: AccountReport) -> None:
    control, all_on = boto3.client("s3control"), ("IgnorePublicAcls", "RestrictPublicBuckets")
    control.put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=dict.fromkeys(all_on, True)
    )
    try:
        buckets = reading.read(boto3.client, lambda _: None).buckets
    finally:
        control.delete_public_access_block(AccountId=ACCOUNT)
    assert {bucket.name for bucket in buckets if bucket.open_by or not bucket.closed} == set()


def test_the_smallest_policy_has_what_was_used(report: AccountReport) -> None:
    policies = {
        finding.resource.rpartition("/")[2]: finding.smallest
        for finding in report.findings
        if finding.rule in ("ADMINISTRATOR", "UNUSED_SERVICE")
    }
    assert [block["Sid"] for block in policies["unused-service"]["Statement"]] == ["Lists"]
    assert policies["everything"]["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "*"}
    ]


def test_what_the_local_cloud_does_not_have_is_named(report: AccountReport) -> None:
    [(what, reason)] = report.unknown.items()
    assert what == "Access Analyzer's ValidatePolicy"
    assert "The local cloud does not implement accessanalyzer:ValidatePolicy" in reason


def test_sarif_has_each_finding_with_its_rule(report: AccountReport) -> None:
    [run] = sarif(report, "1.2.3")["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} <= rules
    assert len(run["results"]) == len(report.findings)
    json.dumps(run)
