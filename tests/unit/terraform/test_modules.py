"""Conventions of the Terraform code: files, order, descriptions, messages, environments."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from tests.unit.terraform.conftest import TERRAFORM, blocks, variables

MODULES = sorted(path for path in (TERRAFORM / "modules").iterdir() if path.is_dir())
FILES = ("main.tf", "outputs.tf", "variables.tf", "versions.tf")
named = pytest.mark.parametrize("module", [TERRAFORM, *MODULES], ids=lambda path: path.name)


def test_all_modules_of_the_design_exist_and_no_other() -> None:
    assert {module.name for module in MODULES} == {
        "autoscaling",
        "endpoint",
        "identity",
        "network",
        "notebook",
        "observability",
        "predict_function",
        "storage",
        "training_host",
    }


@named
def test_a_module_has_four_files(module: Path) -> None:
    assert {name for name in FILES if (module / name).is_file()} == set(FILES)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_modules_main_resource_is_named_this(module: Path) -> None:
    names = [label.split(".")[1] for label in blocks(module / "main.tf", "resource")]
    assert "this" in names


@named
@pytest.mark.parametrize(("files", "kind"), [("variables*.tf", "variable"), ("outputs.tf", "output")])
def test_variables_and_outputs_are_alphabetical_and_described(module: Path, files: str, kind: str) -> None:
    described = re.compile(r'^  description = ".+"$', re.M)
    for path in module.glob(files):
        declared = blocks(path, kind)
        assert declared, f"{path.name} of {module.name} is empty"
        assert list(declared) == sorted(declared)
        assert [name for name, body in declared.items() if not described.search(body)] == []


@named
def test_variables_are_typed_and_nullable_only_with_default_null(module: Path) -> None:
    for name, body in variables(module).items():
        assert re.search(r"^  type +=", body, re.M), f"{name} has no type"
        optional = re.search(r"^  default += null$", body, re.M)
        assert bool(optional) != ("nullable    = false" in body or "nullable = false" in body), name


def test_a_validation_message_names_its_variable() -> None:
    for name, body in variables(TERRAFORM).items():
        for message in re.findall(r'error_message = "(.*)"$', body, re.M):
            assert message.startswith(name), f"{name}: {message}"


@named
def test_every_module_requires_the_same_terraform_and_provider(module: Path) -> None:
    def constraints(path: Path) -> list[str]:
        return re.findall(r'^ *(?:required_version|version|source) += "(.*)"$', path.read_text(), re.M)

    assert constraints(module / "versions.tf") == constraints(TERRAFORM / "versions.tf")


def test_the_lock_file_lets_every_platform_verify_its_download() -> None:
    lock = (TERRAFORM / ".terraform.lock.hcl").read_text()
    assert re.findall(r'^  version += "(.*)"$', lock, re.M) == ["5.100.0"]
    assert len(set(re.findall(r'"zh:([0-9a-f]{64})"', lock))) >= 14


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_an_environment_sets_declared_variables_and_its_own_name(environment: str) -> None:
    text = (TERRAFORM / "environments" / f"{environment}.tfvars").read_text()
    settings = dict(re.findall(r"^(\w+) += +(.*)$", text, re.M))
    assert settings.keys() <= variables(TERRAFORM).keys()
    assert settings["environment"] == f'"{environment}"'


def test_only_local_and_dev_delete_the_contents_of_their_buckets() -> None:
    def deletes(environment: str) -> bool:
        text = (TERRAFORM / "environments" / f"{environment}.tfvars").read_text()
        return re.search(r"force_destroy += true", text) is not None

    assert [name for name in ("local", "dev", "prod") if deletes(name)] == ["local", "dev"]


@pytest.mark.parametrize("use", ["training", "inference"])
def test_the_sagemaker_sdk_lists_the_image_tags(use: str) -> None:
    # The SDK's table, read as a file: importing the SDK takes seconds.
    package = importlib.util.find_spec("sagemaker.core")
    assert package is not None
    assert package.submodule_search_locations is not None
    table = Path(next(iter(package.submodule_search_locations))) / "image_uri_config" / "pytorch.json"
    versions = json.loads(table.read_text())[use]["versions"]
    variable = {"training": "training", "inference": "endpoint"}[use]
    body = variables(TERRAFORM)[variable]
    match = re.search(r'image_tag += optional\(string, "([0-9.]+)-cpu-(py\d+)"\)', body)
    assert match is not None
    assert match[1] in versions
    assert match[2] in versions[match[1]]["py_versions"]


def test_suppressions_of_checkov_carry_a_reason() -> None:
    skips = [
        (path.name, skip)
        for path in TERRAFORM.rglob("*.tf")
        if ".terraform" not in path.parts
        for skip in re.findall(r"#checkov:skip=(.*)", path.read_text())
    ]
    assert skips
    assert [skip for skip in skips if not re.fullmatch(r"CKV2?_[A-Z]+_\d+:.{20,}", skip[1])] == []
