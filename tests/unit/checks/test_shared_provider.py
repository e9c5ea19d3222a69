"""Terraform's commands of the checks share one process of the provider, which ends with them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from kennel.checks import shared_provider

LOCK = f"""
provider "{shared_provider.PROVIDER}" {{
  version = "5.100.0"
  hashes  = []
}}
"""
LINE = """\tTF_REATTACH_PROVIDERS='{"aws": {"Pid": 7, "Addr": {"String": "/tmp/own"}}}'"""
# What the AWS provider does with -debug: prints its address among other lines, and ends at an interruption.
PROVIDER = f"""#!{sys.executable}
import os, signal, sys
assert sys.argv[1:] == ["-debug"]
assert "AWS_CA_BUNDLE" not in os.environ
print("Provider started. To attach Terraform CLI, set:\\n")
print({LINE!r}, flush=True)
try:
    signal.pause()
except KeyboardInterrupt:
    open("ended", "w").close()
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A provider, installed in Terraform's working data for the checkout in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TF_DATA_DIR", "data")
    monkeypatch.setenv("AWS_CA_BUNDLE", "certificates.pem")
    (tmp_path / "terraform").mkdir()
    (tmp_path / "terraform" / ".terraform.lock.hcl").write_text(LOCK)
    folder = tmp_path / "data" / "providers" / shared_provider.PROVIDER / "5.100.0" / "linux_amd64"
    folder.mkdir(parents=True)
    program = folder / "terraform-provider-aws_v5.100.0_x5"
    program.write_text(PROVIDER)
    program.chmod(0o755)
    return program


def test_terraform_gets_the_address_of_a_provider_that_ends_after_it(program: Path) -> None:
    script = """
import os, sys
open("address", "w").write(os.environ["TF_REATTACH_PROVIDERS"])
sys.exit(3)
"""
    assert shared_provider.main([sys.executable, "-c", script]) == 3

    address = json.loads(Path("address").read_text())["aws"]
    assert address["Pid"] == 7
    assert address["Addr"]["String"] != "/tmp/own", "what leaves out the types that nothing names is between"
    assert Path("ended").exists()
    assert "TF_REATTACH_PROVIDERS" not in os.environ


@pytest.mark.usefixtures("program")
def test_a_provider_of_another_version_than_the_locked_is_not_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("terraform", ".terraform.lock.hcl").write_text(LOCK.replace("5.100.0", "6.0.0"))

    assert shared_provider.main(["true"]) == 1
    assert "6.0.0: run terraform init" in capsys.readouterr().out


def test_a_provider_that_does_not_start_is_a_failure(
    program: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program.write_text("#!/bin/sh\nexit 4\n")

    assert shared_provider.main(["true"]) == 1
    assert "ended without an address: exit code 4" in capsys.readouterr().out
