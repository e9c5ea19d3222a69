"""python-terraform under a current Terraform: real runs of a root that needs no provider."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from kennel.aws import StackError, session
from kennel.aws.infrastructure import changes
from kennel.aws.infrastructure.terraform import Terraform
from kennel.aws.infrastructure.terraform_messages import sentence
from kennel.aws.infrastructure.terraform_process import TerraformProcess

ROOT = """
variable "colour" { default = "red" }
resource "terraform_data" "dog" {
  input = var.colour
  %s
}
output "colour" { value = terraform_data.dog.output }
"""
WAITING = """
  provisioner "local-exec" {
    command = "touch started; exec sleep 30"
  }"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "main.tf").write_text(ROOT % "")
    (folder / "colour.tfvars").write_text('colour = "brown"\n')
    return folder


def terraform_of(root: Path, **options) -> Terraform:
    terraform = Terraform(
        root, root / "data", [root / "colour.tfvars"], binary=session.terraform_binary(), **options
    )
    terraform.init({})
    return terraform


def test_apply_then_plan_is_empty_then_destroy_removes(root: Path) -> None:
    lines: list[str] = []
    terraform = terraform_of(root, progress=lines.append)

    planned = terraform.plan()
    applied = terraform.apply()

    assert (planned.add, planned.empty) == (1, False)
    assert applied.add == 1
    assert any("terraform_data.dog" in line for line in lines)
    assert terraform.outputs() == {"colour": "brown"}
    assert terraform.plan().empty
    assert terraform.destroy().remove == 1
    assert terraform.outputs() == {}


def test_a_change_of_an_output_alone_is_seen(root: Path) -> None:
    terraform = terraform_of(root)
    terraform.apply()
    (root / "colour.tfvars").write_text('colour = "black"\n')

    planned = terraform.plan()

    assert not planned.empty
    assert planned.resources == ["update terraform_data.dog"]


def test_a_check_that_does_not_hold_is_a_warning_of_the_plan(root: Path) -> None:
    condition = 'condition = var.colour == "green"'
    assertion = f'{condition}\nerror_message = "Choose green."'
    (root / "check.tf").write_text(f'check "colour" {{\nassert {{\n{assertion}\n}}\n}}\n')

    planned = terraform_of(root).plan()

    assert planned.add == 1
    assert planned.warnings == ["check.tf: Check block assertion failed: Choose green."]
    assert planned.as_dict()["warnings"] == planned.warnings


def test_a_failing_precondition_is_one_readable_error(root: Path) -> None:
    condition = """
  lifecycle {
    precondition {
      condition     = var.colour == "green"
      error_message = "feed the dog first"
    }
  }"""
    (root / "main.tf").write_text(ROOT % condition)

    with pytest.raises(StackError, match=r"terraform plan: main\.tf: .*feed the dog first") as caught:
        terraform_of(root).plan()

    assert "\n" not in str(caught.value)


def test_a_syntax_error_names_its_file(root: Path) -> None:
    (root / "broken.tf").write_text("resource {")

    with pytest.raises(StackError, match=r"broken\.tf"):
        terraform_of(root)


def test_a_missing_terraform_names_the_remedy(root: Path) -> None:
    terraform = Terraform(root, root / "data", [], binary=str(root / "terraform"))

    with pytest.raises(StackError, match=r"run through \./kennel"):
        terraform.plan()


def test_exported_arguments_are_not_passed_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_ARGS_plan", "-var-file=/nowhere.tfvars")

    assert terraform_of(root).plan().add == 1


def assert_saved(terraform: Terraform, root: Path, started: float) -> None:
    assert time.monotonic() - started < 25, "Terraform was interrupted, not waited for"
    # The state is unlocked and complete: the tainted resource is in it and is replaced.
    (root / "main.tf").write_text(ROOT % "")
    terraform.apply()
    assert terraform.plan().empty


def test_an_interrupted_terraform_saves_its_state(root: Path) -> None:
    (root / "main.tf").write_text(ROOT % WAITING)
    terraform = terraform_of(root)

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while not (root / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    started = time.monotonic()
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        terraform.apply()

    assert_saved(terraform, root, started)


def test_terraform_is_interrupted_before_it_is_known_to_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "main.tf").write_text(ROOT % WAITING)
    terraform = terraform_of(root)

    def interrupt(process: TerraformProcess) -> NoReturn:
        """Stand for Ctrl-C while the report of Terraform's start is awaited."""
        deadline = time.monotonic() + 30
        while not (root / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        raise KeyboardInterrupt

    started = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setattr(TerraformProcess, "_report", interrupt)
        with pytest.raises(KeyboardInterrupt):
            terraform.apply()

    assert_saved(terraform, root, started)


def test_drift_ignores_null_that_became_empty(root: Path) -> None:
    terraform = terraform_of(root)
    terraform.apply()
    assert terraform.drift().empty
    state = json.loads((root / "terraform.tfstate").read_text())

    assert changes.without_empty({"tags": None, "rules": [{"description": ""}]}) == {"rules": [{}]}
    assert changes.without_empty({"tags": {}, "rules": [{}]}) == {"rules": [{}]}
    assert changes.without_empty({"count": 0, "on": False}) == {"count": 0, "on": False}
    assert state["resources"], "drift did not change the state"


def test_versions_name_terraform_and_the_root_s_providers(root: Path) -> None:
    assert terraform_of(root).versions()["terraform"].startswith("1.")
    lock = 'provider "registry.terraform.io/hashicorp/aws" {\n  version = "5.100.0"\n}\n'
    (root / ".terraform.lock.hcl").write_text(lock)
    (root / "versions.tf").write_text(
        'terraform { required_providers { aws = { source = "hashicorp/aws" } } }'
    )
    assert (
        Terraform(root, root / "data", [], binary=session.terraform_binary()).versions()["hashicorp/aws"]
        == "5.100.0"
    )


def test_a_locked_state_names_its_holder_and_the_remedy() -> None:
    detail = (
        "Error message: operation error S3: PutObject, StatusCode: 412, RequestID: Nbpp, HostID: 9Gj\n"
        "Lock Info:\n"
        "  ID:        c5553c6c-a184\n  Path:      kennel/local.tfstate\n  Operation: OperationTypeApply\n"
        "  Who:       me@laptop\n  Version:   1.11.4\n  Created:   2026-11-27 01:30:42.072923494 +0000 UTC\n"
        "  Info:\n\nTerraform acquires a state lock to protect the state."
    )
    assert sentence({"summary": "Error acquiring the state lock", "detail": detail}) == (
        "the state is locked by apply of me@laptop since 2026-11-27 01:30:42: wait for its end; "
        "if it was killed, free the lock with ./kennel stack.unlock c5553c6c-a184"
    )


def test_what_exists_already_names_the_remedy(root: Path) -> None:
    refused = 'condition = var.colour == "none"\n error_message = "The dog already exists."'
    refused = f"lifecycle {{\n precondition {{\n {refused}\n }}\n }}"
    (root / "main.tf").write_text(ROOT % refused)

    with pytest.raises(StackError, match=r"The dog already exists\. \| run the same command again"):
        terraform_of(root).apply()


def test_init_runs_again_only_for_another_reason(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terraform = terraform_of(root)
    commands: list[str] = []
    run = terraform._run
    monkeypatch.setattr(
        terraform,
        "_run",
        lambda command, *operands, **options: commands.append(command) or run(command, *operands, **options),
    )

    def runs(backend: dict[str, str] | None = None) -> bool:
        commands.clear()
        terraform.init(backend or {})
        return "init" in commands

    assert not runs()
    (root / "more.tf").write_text('output "more" { value = 1 }')
    assert runs()
    assert not runs()
    (root / "broken.tf").write_text('output "broken" { value = nothing }')
    assert runs(), "this init succeeds: it does not evaluate"
    with pytest.raises(StackError):
        terraform.plan()
    assert runs(), "a command failed"


def test_a_protected_stack_is_not_destroyed_and_the_document_is_named(root: Path) -> None:
    protection = """
resource "terraform_data" "protection" {
  lifecycle { prevent_destroy = true }
}"""
    (root / "main.tf").write_text(ROOT % "" + protection)
    terraform = terraform_of(root)
    terraform.apply()

    with pytest.raises(StackError, match=r'protected .*; nothing was changed; .*"Removing prod"') as caught:
        terraform.destroy()

    assert "\n" not in str(caught.value)
    assert terraform.outputs() == {"colour": "brown"}
