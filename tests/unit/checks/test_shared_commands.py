"""Commands of Terraform in several roles share one process of the provider."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kennel.checks import shared_commands
from kennel.checks.shared_provider import PROVIDER

ADDRESS = json.dumps({"aws": {"Addr": {"String": "/tmp/own"}}})
# The provider says where it reads its settings; Terraform shows the settings that it would read now.
PROGRAM = f"""#!{sys.executable}
import os, signal
names = sorted(name for name in os.environ if name.startswith("AWS_"))
open("seen", "w").write(" ".join([os.getcwd(), os.environ["AWS_CONFIG_FILE"], *names]))
print({f"TF_REATTACH_PROVIDERS='{ADDRESS}'"!r}, flush=True)
signal.pause()
"""
TERRAFORM = f"""#!{sys.executable}
import json, os, sys
assert "/tmp/own" not in json.loads(os.environ["TF_REATTACH_PROVIDERS"])["aws"]["Addr"]["String"]
print(sys.argv[1:], open(os.path.join(os.path.dirname(os.environ["TF_CLI_CONFIG_FILE"]), "config")).read())
"""


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, with a provider in a mirror and a Terraform in the environment."""
    executable(tmp_path / "mirror" / PROVIDER / "5.100.0" / "linux" / "terraform-provider-aws_v5", PROGRAM)
    monkeypatch.setenv("KENNEL_PROVIDER_MIRROR", str(tmp_path / "mirror"))
    monkeypatch.setenv("KENNEL_TERRAFORM", str(executable(tmp_path / "bin" / "plain", TERRAFORM)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-first-role")
    for folder in ("terraform", "tests", "provider"):
        (tmp_path / folder).mkdir()
    return tmp_path


def test_each_command_acts_in_the_role_of_its_own_environment(checkout: Path) -> None:
    with shared_commands.variables(checkout, checkout / "terraform", checkout / "provider") as variables:
        outputs = [
            subprocess.run(
                [variables["KENNEL_TERRAFORM"], "plan", "-json"],
                env={**os.environ, **variables, "AWS_ACCESS_KEY_ID": role, "AWS_REGION": "eu-west-1"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for role in ("of-plan", "of-deploy")
        ]

    assert (checkout / "provider" / "config").stat().st_mode & 0o077 == 0, "it holds credentials"
    for output, role in zip(outputs, ("of-plan", "of-deploy"), strict=True):
        assert output.startswith("['plan', '-json'] [default]\nregion = eu-west-1\n")
        assert f"\naws_access_key_id = {role}\n" in output
    seen = (checkout / "terraform" / "seen").read_text().split()
    assert seen[:2] == [str(checkout / "terraform"), str(checkout / "provider" / "config")]
    assert "AWS_ACCESS_KEY_ID" not in seen


def test_without_a_mirror_commands_are_as_they_were(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KENNEL_PROVIDER_MIRROR")

    with shared_commands.variables(checkout, checkout / "terraform", checkout / "provider") as variables:
        assert variables == {}
