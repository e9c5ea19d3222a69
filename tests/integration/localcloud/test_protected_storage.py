"""What a destroy leaves of buckets with objects and of their key: all of it, protected or not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kennel.aws import StackError, session
from kennel.aws.infrastructure.terraform import Terraform
from kennel.localcloud import REGION, lifecycle

from .conftest import ACCOUNT, Client

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

MODULE = Path(__file__).resolve().parents[3] / "terraform" / "modules" / "storage"
ROOT = f"""
provider "aws" {{
  region            = "{REGION}"
  s3_use_path_style = true
}}

module "storage" {{
  source = "{MODULE}"

  account_id   = "{ACCOUNT}"
  bucket_names = {{ artifacts = "protected-artifacts", data = "protected-data", logs = "protected-logs" }}
  name         = "protected"
  partition    = "aws"
  protected    = true
  region       = "{REGION}"
}}
"""
PROTECTION = "module.storage.terraform_data.protection"
# Without the lifecycle rules, for which the provider waits almost a minute.
ENCRYPTION = 'module.storage.aws_s3_bucket_server_side_encryption_configuration.this["data"]'
PHOTO = {"Bucket": "protected-data", "Key": "datasets/dogs/1.jpg"}


def test_a_destroy_leaves_the_key_and_every_object(
    service: lifecycle.Status,
    client: Client,
    provider_shared: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in lifecycle.environment(service).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "main.tf").write_text(ROOT)
    terraform = Terraform(tmp_path, tmp_path / ".terraform", [], binary=session.terraform_binary())
    terraform.init({}, session.provider_mirror())
    terraform.plan(out=tmp_path / "plan", targets=[PROTECTION, ENCRYPTION])
    terraform.apply(tmp_path / "plan")
    s3, kms = client("s3"), client("kms")
    s3.put_object(**PHOTO, Body=b"photo")
    key = s3.head_object(**PHOTO)["SSEKMSKeyId"]

    def nothing_is_lost() -> bool:
        enabled = kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
        return enabled and s3.get_object(**PHOTO)["Body"].read() == b"photo"

    with pytest.raises(StackError, match=r"are protected .*; nothing was changed"):
        terraform.destroy()
    assert nothing_is_lost()
    assert s3.get_bucket_encryption(Bucket="protected-data")  # not even its settings

    command = [session.terraform_binary(), "state", "rm", f"{PROTECTION}[0]"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    with pytest.raises(StackError, match="BucketNotEmpty"):
        terraform.destroy()
    assert nothing_is_lost()

    for version in s3.list_object_versions(Bucket="protected-data")["Versions"]:
        s3.delete_object(Bucket="protected-data", Key=version["Key"], VersionId=version["VersionId"])
    terraform.destroy()
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
