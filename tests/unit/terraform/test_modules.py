"""The shape of the Terraform: faces, order, descriptions, refusals that say the mend, environments."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from tests.unit.terraform.conftest import TERRAFORM, blocks

MODULES = sorted(path for path in (TERRAFORM / "modules").iterdir() if path.is_dir())
FACES = ("main.tf", "outputs.tf", "variables.tf", "versions.tf")
named = pytest.mark.parametrize("module", [TERRAFORM, *MODULES], ids=lambda path: path.name)


def test_the_designs_modules_are_all_there_and_no_other() -> None:
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
def test_a_module_has_four_faces(module: Path) -> None:
    assert {face for face in FACES if (module / face).is_file()} == set(FACES)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_modules_main_resource_is_named_this(module: Path) -> None:
    names = [label.split(".")[1] for label in blocks(module / "main.tf", "resource")]
    assert "this" in names


@named
@pytest.mark.parametrize(("face", "kind"), [("variables.tf", "variable"), ("outputs.tf", "output")])
def test_variables_and_outputs_are_alphabetical_and_described(module: Path, face: str, kind: str) -> None:
    found = blocks(module / face, kind)
    assert found, f"{face} of {module.name} is empty"
    assert list(found) == sorted(found)
    described = re.compile(r'^  description = ".+"$', re.M)
    assert [name for name, body in found.items() if not described.search(body)] == []


@named
def test_variables_are_typed_and_null_only_where_null_means_something(module: Path) -> None:
    for name, body in blocks(module / "variables.tf", "variable").items():
        assert re.search(r"^  type +=", body, re.M), f"{name} has no type"
        means_something = re.search(r"^  default += null$", body, re.M)
        assert bool(means_something) != ("nullable    = false" in body or "nullable = false" in body), name


def test_a_refused_variable_is_named_in_the_message() -> None:
    for name, body in blocks(TERRAFORM / "variables.tf", "variable").items():
        for message in re.findall(r'error_message = "(.*)"$', body, re.M):
            assert message.startswith(name), f"{name}: {message}"


@named
def test_every_module_asks_for_the_same_terraform_and_provider(module: Path) -> None:
    def wanted(path: Path) -> list[str]:
        return re.findall(r'^ *(?:required_version|version|source) += "(.*)"$', path.read_text(), re.M)

    assert wanted(module / "versions.tf") == wanted(TERRAFORM / "versions.tf")


def test_the_lock_file_lets_every_platform_verify_its_download() -> None:
    lock = (TERRAFORM / ".terraform.lock.hcl").read_text()
    assert re.findall(r'^  version += "(.*)"$', lock, re.M) == ["5.100.0"]
    assert len(set(re.findall(r'"zh:([0-9a-f]{64})"', lock))) >= 14


@pytest.mark.parametrize("environment", ["local", "dev", "prod"])
def test_an_environment_sets_declared_variables_and_says_which_it_is(environment: str) -> None:
    text = (TERRAFORM / "environments" / f"{environment}.tfvars").read_text()
    settings = dict(re.findall(r"^(\w+) += +(.*)$", text, re.M))
    assert settings.keys() <= blocks(TERRAFORM / "variables.tf", "variable").keys()
    assert settings["environment"] == f'"{environment}"'


def test_only_throwaway_environments_delete_what_their_buckets_hold() -> None:
    def deletes(environment: str) -> bool:
        text = (TERRAFORM / "environments" / f"{environment}.tfvars").read_text()
        return re.search(r"force_destroy += true", text) is not None

    assert [name for name in ("local", "dev", "prod") if deletes(name)] == ["local", "dev"]


@pytest.mark.parametrize("use", ["training", "inference"])
def test_the_image_tags_are_ones_that_the_sagemaker_sdk_knows(use: str) -> None:
    # The SDK's table, read as a file: importing the SDK takes seconds.
    package = importlib.util.find_spec("sagemaker.core")
    assert package is not None
    assert package.submodule_search_locations is not None
    table = Path(next(iter(package.submodule_search_locations))) / "image_uri_config" / "pytorch.json"
    versions = json.loads(table.read_text())[use]["versions"]
    variable = {"training": "training", "inference": "endpoint"}[use]
    body = blocks(TERRAFORM / "variables.tf", "variable")[variable]
    found = re.search(r'image_tag += optional\(string, "([0-9.]+)-cpu-(py\d+)"\)', body)
    assert found is not None
    assert found[1] in versions
    assert found[2] in versions[found[1]]["py_versions"]


def test_suppressions_of_checkov_carry_a_reason() -> None:
    skips = [
        (path.name, skip)
        for path in TERRAFORM.rglob("*.tf")
        if ".terraform" not in path.parts
        for skip in re.findall(r"#checkov:skip=(.*)", path.read_text())
    ]
    assert skips
    assert [skip for skip in skips if not re.fullmatch(r"CKV2?_[A-Z]+_\d+:.{20,}", skip[1])] == []
