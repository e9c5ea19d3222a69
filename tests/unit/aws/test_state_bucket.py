"""The bucket of Terraform's states in moto: protected, with a key of its own, and only this account's."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import urllib3
from botocore.awsrequest import AWSResponse

from kennel.aws import StackError, session, silent
from kennel.aws.infrastructure import state_bucket

ACCOUNT = "123456789012"


@pytest.fixture
def region(moto_account: str) -> str:
    return moto_account


@pytest.fixture
def calls(region: str) -> list[tuple[str, dict[str, Any]]]:
    """The calls to S3, as they are made: operation and parameters."""
    made: list[tuple[str, dict[str, Any]]] = []
    session.client("s3").meta.events.register(
        "provide-client-params.s3.*",
        lambda params, model, **_: made.append((model.name, dict(params))),
    )
    return made


@pytest.mark.parametrize("moto_account", ["us-east-1", "eu-central-1"], indirect=True)
def test_it_is_private_versioned_encrypted_with_its_key_and_refuses_what_is_not_tls(region: str) -> None:
    state_bucket.ensure(silent)

    s3, bucket = session.client("s3"), {"Bucket": f"kennel-state-{ACCOUNT}-{region}"}
    key = session.client("kms").describe_key(KeyId="alias/kennel-state")["KeyMetadata"]
    [rule] = s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": key["Arn"],
    }
    assert session.client("kms").get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"] is True
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Enabled"
    assert set(s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    [statement] = json.loads(s3.get_bucket_policy(**bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Action"], statement["Principal"]) == ("Deny", "s3:*", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_there_is_one_key_however_often_it_is_prepared(region: str) -> None:
    for _ in range(2):
        state_bucket.ensure(silent)

    assert len(session.client("kms").list_keys()["Keys"]) == 1


def test_every_call_but_the_creation_names_the_expected_owner(calls: list[tuple[str, dict]]) -> None:
    assert state_bucket.exists() is False
    state_bucket.ensure(silent)
    assert state_bucket.exists() is True

    owners = {operation: parameters.get("ExpectedBucketOwner") for operation, parameters in calls}
    assert owners.pop("CreateBucket") is None  # has no such parameter
    assert set(owners.values()) == {ACCOUNT}
    assert len(owners) == 5


def test_a_bucket_of_another_account_is_refused_in_one_line_and_not_written_to(
    region: str, calls: list[tuple[str, dict]]
) -> None:
    def of_another_account(request: Any, **_: Any) -> AWSResponse | None:
        """Answer as S3 does if the expected owner is not the bucket's; moto does not compare them."""
        expected = request.headers.get("x-amz-expected-bucket-owner")
        if expected in (None, "999999999999", b"999999999999"):
            return None
        return AWSResponse(request.url, 403, {}, urllib3.HTTPResponse(io.BytesIO(), preload_content=False))

    session.client("s3").meta.events.register("before-send.s3.*", of_another_account)

    with pytest.raises(StackError, match=f"it belongs to another account than {ACCOUNT}") as caught:
        state_bucket.ensure(silent)

    assert "\n" not in str(caught.value)
    assert [operation for operation, _ in calls] == ["HeadBucket"]


def test_a_name_that_is_taken_in_the_world_is_refused_too(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3 = session.client("s3")

    def taken(**_: Any) -> None:
        raise s3.exceptions.BucketAlreadyExists({"Error": {"Code": "BucketAlreadyExists"}}, "CreateBucket")

    monkeypatch.setattr(s3, "create_bucket", taken)

    with pytest.raises(StackError, match="it belongs to another account"):
        state_bucket.ensure(silent)
