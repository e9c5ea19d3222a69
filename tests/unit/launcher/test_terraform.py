"""How the launcher finds or fetches Terraform, and finds a provider mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

LOCK = """provider "registry.terraform.io/hashicorp/archive" {
  version     = "2.0.0"
}

provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "~> 5.100"
}
"""
UNREACHABLE = "#!/bin/sh\necho 'curl: (6) Could not resolve host: releases.hashicorp.com' >&2\nexit 6\n"


def mirror(folder: Path, kind: str, version: str = "5.100.0") -> Path:
    """Make an unpacked provider mirror."""
    (folder / "registry.terraform.io/hashicorp/aws" / version / kind).mkdir(parents=True)
    return folder


def lock(checkout: Any) -> None:
    """Pin the provider as the repository does."""
    (checkout.root / "terraform").mkdir()
    (checkout.root / "terraform/.terraform.lock.hcl").write_text(LOCK)


def test_the_terraform_on_path_is_used(checkout: Any) -> None:
    program = checkout.terraform("1.12.0")
    assert f"terraform: {program}\n" in checkout.start("stack.plan").stdout


def test_without_terraform_and_network_one_line_says_what_to_do(checkout: Any) -> None:
    checkout.start("data.check")
    checkout.program("curl", UNREACHABLE)
    done = checkout.start("rehearse")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "Terraform is not on PATH" in last
    assert "Could not resolve host" in last
    assert "KENNEL_TERRAFORM=" in last
    assert done.stdout == ""


def test_other_tasks_need_no_terraform(checkout: Any) -> None:
    checkout.program("curl", UNREACHABLE)
    done = checkout.start("data.check")
    assert done.returncode == 0
    assert "terraform: none\n" in done.stdout


def test_without_curl_the_download_is_python_s(checkout: Any) -> None:
    done = checkout.start("rehearse", https_proxy="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "cannot be reached (" in done.stderr
    assert "Connection refused" in done.stderr


def test_a_missing_terraform_is_downloaded_once(checkout: Any) -> None:
    checkout.serve_terraform()
    first = checkout.start("rehearse")
    assert first.returncode == 0, first.stderr
    expected = f"terraform: {checkout.root}/.tools/terraform-1.11.4/terraform\n"
    assert expected in first.stdout
    (checkout.programs / "curl").unlink()
    second = checkout.start("rehearse")
    assert expected in second.stdout
    assert second.stderr == ""


def test_an_old_terraform_on_path_is_passed_over(checkout: Any) -> None:
    checkout.terraform("1.10.5")
    checkout.serve_terraform()
    done = checkout.start("rehearse")
    assert "Terraform on PATH is 1.10.5" in done.stderr
    assert "/.tools/terraform-1.11.4/terraform\n" in done.stdout


def test_a_download_with_another_checksum_is_refused(checkout: Any) -> None:
    checkout.serve_terraform()
    checkout.pin("0" * 64)
    done = checkout.start("rehearse")
    assert done.returncode == 1
    assert "has SHA-256" in done.stderr
    assert not (checkout.root / ".tools/terraform-1.11.4").exists()
    assert done.stdout == ""


def test_kennel_terraform_comes_first(checkout: Any, tmp_path: Path) -> None:
    checkout.terraform("1.12.0")
    chosen = checkout.terraform("1.13.1").rename(tmp_path / "terraform-1.13")
    done = checkout.start("stack.plan", cwd=tmp_path, KENNEL_TERRAFORM="./terraform-1.13")
    assert f"terraform: {tmp_path}/./{chosen.name}\n" in done.stdout


def test_kennel_terraform_must_be_new_enough(checkout: Any) -> None:
    old = checkout.terraform("1.5.7")
    done = checkout.start("stack.plan", KENNEL_TERRAFORM=str(old))
    assert done.returncode == 2
    assert "KENNEL_TERRAFORM is Terraform 1.5.7" in done.stderr


def test_no_mirror_lets_terraform_download(checkout: Any) -> None:
    lock(checkout)
    (checkout.root / "terraform/.terraform.lock.hcl").write_text(LOCK.replace("5.100.0", "5.99.9"))
    checkout.terraform("1.11.4")
    assert "mirror: none\n" in checkout.start("stack.plan").stdout


@pytest.mark.parametrize("task", ["stack.plan", "rollback", "package"])
def test_the_implied_mirror_of_the_user_is_found(checkout: Any, release_platform: str, task: str) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    expected = mirror(checkout.root / "home/.terraform.d/plugins", release_platform)
    assert f"mirror: {expected}\n" in checkout.start(task).stdout


def test_a_mirror_in_a_data_directory_is_found(checkout: Any, release_platform: str, tmp_path: Path) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    expected = mirror(tmp_path / "two/terraform/plugins", release_platform)
    done = checkout.start("stack.plan", XDG_DATA_DIRS=f"{tmp_path}/one:{tmp_path}/two")
    assert f"mirror: {expected}\n" in done.stdout


def test_a_mirror_of_something_else_is_passed_over(checkout: Any, release_platform: str) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    plugins = checkout.root / "home/.terraform.d/plugins"
    mirror(plugins, release_platform, "5.0.0")
    mirror(plugins, "plan9_mips")
    assert f"mirror: {plugins}\n" not in checkout.start("stack.plan").stdout


def test_a_zipped_mirror_counts(checkout: Any, release_platform: str) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    folder = checkout.root / "home/.terraform.d/plugins/registry.terraform.io/hashicorp/aws"
    folder.mkdir(parents=True)
    (folder / f"terraform-provider-aws_5.100.0_{release_platform}.zip").touch()
    assert f"mirror: {folder.parents[2]}\n" in checkout.start("stack.plan").stdout


def test_a_named_mirror_must_hold_the_pinned_provider(checkout: Any, tmp_path: Path) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    done = checkout.start("stack.plan", KENNEL_PROVIDER_MIRROR=str(tmp_path))
    assert done.returncode == 2
    assert f"KENNEL_PROVIDER_MIRROR is '{tmp_path}'" in done.stderr
    assert "hashicorp/aws 5.100.0" in done.stderr


def test_a_named_mirror_is_used(checkout: Any, tmp_path: Path, release_platform: str) -> None:
    lock(checkout)
    checkout.terraform("1.11.4")
    expected = mirror(tmp_path / "mine", release_platform)
    done = checkout.start("stack.plan", KENNEL_PROVIDER_MIRROR=str(expected))
    assert f"mirror: {expected}\n" in done.stdout
