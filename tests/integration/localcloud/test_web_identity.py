"""AssumeRoleWithWebIdentity: whose token gets a session of a role, and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from kennel.localcloud import REGION, lifecycle
from kennel.localcloud.connection import administer, web_identity_token

from .conftest import ACCOUNT, Client, document, statement

ISSUER, AUDIENCE = "https://token.actions.githubusercontent.com", "sts.amazonaws.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
SUBJECT = "repo:octo-org@1/hounds@2:environment:prod"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivering"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": AUDIENCE,
            "token.actions.githubusercontent.com:sub": SUBJECT,
        }
    },
}
Assume = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def delivering(client: Client) -> None:
    iam = client("iam")
    iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[AUDIENCE])
    iam.create_role(RoleName="delivering", AssumeRolePolicyDocument=document(TRUST))
    grant = statement("s3:CreateBucket", "arn:aws:s3:::delivered")
    iam.put_role_policy(RoleName="delivering", PolicyName="inline", PolicyDocument=document(grant))


@pytest.fixture(scope="module")
def assume(service: lifecycle.Status) -> Assume:
    """Call AssumeRoleWithWebIdentity without credentials, as a job that has nothing but its token."""
    sts = boto3.client(
        "sts",
        endpoint_url=service.endpoint_url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )

    def call(token: str, **parameters: Any) -> dict[str, Any]:
        named = {"RoleArn": ROLE, "RoleSessionName": "job", **parameters}
        return dict(sts.assume_role_with_web_identity(WebIdentityToken=token, **named))

    return call


@pytest.fixture(scope="module")
def token(service: lifecycle.Status) -> Callable[..., str]:
    def sign(issuer: str = ISSUER, audience: str = AUDIENCE, subject: str = SUBJECT) -> str:
        return web_identity_token(lifecycle.environment(service), issuer, audience, subject)

    return sign


def refusal(call: Callable[..., Any], *arguments: Any, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_the_holder_of_the_trusted_token_gets_the_role(client: Client, assume: Assume, token: Any) -> None:
    answer = assume(token())
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert (answer["Provider"], answer["Audience"]) == (ISSUER, AUDIENCE)
    keys = answer["Credentials"]
    session = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    caller = client("sts", session).get_caller_identity()
    assert caller["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/delivering/job"
    assert caller["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    client("s3", session).create_bucket(Bucket="delivered")
    assert refusal(client("s3", session).create_bucket, Bucket="other")[0] == "AccessDenied"


def test_a_session_policy_limits_the_session(client: Client, assume: Assume, token: Any) -> None:
    keys = assume(token(), Policy=document(statement("s3:ListAllMyBuckets", "*")))["Credentials"]
    s3 = client(
        "s3",
        {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        },
    )
    code, message = refusal(s3.create_bucket, Bucket="delivered")
    assert code == "AccessDenied"
    assert "no session policy allows the s3:CreateBucket action" in message


@pytest.mark.parametrize(
    "subject",
    [
        "repo:octo-org@1/hounds@2:pull_request",
        "repo:octo-org@1/hounds@2:ref:refs/heads/main",
        "repo:octo-org@1/hounds@2:environment:dev",
        "repo:octo-org@9/hounds@2:environment:prod",
        "repo:octo-org/hounds:environment:prod",
    ],
)
def test_the_trust_policy_decides_on_the_subject(
    service: lifecycle.Status, assume: Assume, token: Any, subject: str
) -> None:
    code, message = refusal(assume, token(subject=subject))
    assert (code, message) == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    log = (Path(service.directory) / "audit-log.jsonl").read_text().splitlines()
    entry = json.loads(log[-1])
    assert (entry["principal"], entry["action"]) == (PROVIDER, "sts:AssumeRoleWithWebIdentity")
    assert (entry["resource"], entry["decision"]) == (ROLE, "deny")


def test_a_role_that_trusts_no_provider_is_not_assumed(client: Client, assume: Assume, token: Any) -> None:
    anybody = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"}
    client("iam").create_role(RoleName="of-the-account", AssumeRolePolicyDocument=document(anybody))
    role = f"arn:aws:iam::{ACCOUNT}:role/of-the-account"
    assert refusal(assume, token(), RoleArn=role)[0] == "AccessDenied"
    assert refusal(assume, token(), RoleArn=role + "-absent")[0] == "AccessDenied"


def test_a_token_for_somebody_else_is_refused(assume: Assume, token: Any) -> None:
    assert refusal(assume, token(audience="another")) == ("InvalidIdentityToken", "Incorrect token audience")
    code, message = refusal(assume, token(issuer="https://issuer.example.com"))
    assert code == "InvalidIdentityToken"
    assert message == "No OpenIDConnect provider found in your account for https://issuer.example.com"


def test_what_the_local_cloud_did_not_sign_is_refused(assume: Assume, token: Any) -> None:
    head, body, signature = token().split(".")
    _, other, _ = token(subject="repo:octo-org@1/hounds@2:pull_request").split(".")
    for text in (
        "none",
        f"{head}.{body}.",
        f"{head}.{other}.{signature}",
        f"{head}.{body}.{signature[::-1]}",
    ):
        code, message = refusal(assume, text)
        assert code == "InvalidIdentityToken"
        assert "did not sign the token" in message


def test_a_token_expires(service: lifecycle.Status, assume: Assume) -> None:
    asked = {"issuer": ISSUER, "audience": AUDIENCE, "subject": SUBJECT}
    short = administer(lifecycle.environment(service), "web-identity/token", **asked, seconds=1)["token"]
    expiry = time.time() + 2  # tokens say whole seconds
    while time.time() < expiry:
        time.sleep(0.1)
    code, message = refusal(assume, short)
    assert code == "ExpiredTokenException"
    assert message.startswith("Token expired: current date/time ")


def test_no_other_call_goes_without_a_signature(service: lifecycle.Status, token: Any) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=service.endpoint_url,
        region_name=REGION,
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    code, _ = refusal(sts.get_caller_identity)
    assert code == "MissingAuthenticationTokenException"
    code, _ = refusal(sts.assume_role, RoleArn=ROLE, RoleSessionName="job")
    assert code == "MissingAuthenticationTokenException"
