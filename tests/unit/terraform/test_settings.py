"""Settings of the Terraform code that a plan cannot judge; its style is a check of its own."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from tests.unit.terraform.conftest import TERRAFORM

from kennel.checks.terraform_style import parse, variables


def test_only_throwaway_environments_delete_what_their_buckets_hold() -> None:
    deletes = {
        path.stem: parse(path).get("storage", {}).get("force_destroy", False)
        for path in (TERRAFORM / "environments").glob("*.tfvars")
    }

    assert [name for name, emptied in sorted(deletes.items()) if emptied] == ["dev", "local"]


@pytest.mark.parametrize(("use", "variable"), [("training", "training"), ("inference", "endpoint")])
def test_the_image_tags_are_ones_that_the_sagemaker_sdk_knows(use: str, variable: str) -> None:
    # The SDK's table, read as a file: importing the SDK takes seconds.
    package = importlib.util.find_spec("sagemaker.core")
    assert package is not None
    assert package.submodule_search_locations is not None
    table = Path(next(iter(package.submodule_search_locations))) / "image_uri_config" / "pytorch.json"
    versions = json.loads(table.read_text())[use]["versions"]
    type_ = variables(TERRAFORM)[variable]["type"]
    [(version, python)] = re.findall(r'image_tag = optional\(string, "([0-9.]+)-cpu-(py\d+)"\)', type_)
    assert version in versions
    assert python in versions[version]["py_versions"]
