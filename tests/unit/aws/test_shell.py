"""What `local.env` exports: other people's Terraform reads it too."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.aws import session
from kennel.aws.infrastructure import shell
from kennel.aws.session import Workspace
from kennel.localcloud.connection import operator_environment


def test_only_for_kennels_own_root_terraform_gets_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = operator_environment("http://127.0.0.1:4510", "secret")
    for name, value in cloud.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(session, "account_id", lambda: "123456789012")
    workspace = Workspace("local", tmp_path)
    plain = shell.variables(cloud, workspace, terraform=False)
    assert not [name for name in plain if name.startswith("TF_")]
    assert (plain["AWS_ENDPOINT_URL"], plain["KENNEL_ENV"]) == ("http://127.0.0.1:4510", "local")
    own = shell.variables(cloud, workspace)
    assert {**own, **plain} == own
    assert own["TF_DATA_DIR"] == str(tmp_path / "terraform")
    assert own["TF_VAR_s3_use_path_style"] == "true"
