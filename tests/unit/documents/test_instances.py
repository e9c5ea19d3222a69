"""docs/instances.md is what the prices and the measurements give, and these are in their documents.

``./kennel docs.instances`` writes it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.aws.infrastructure import variable_defaults
from kennel.capacity import instances

ROOT = Path(__file__).resolve().parents[3]
FIGURES = instances.measured()["figures"]


def test_the_page_is_what_prices_and_measurements_give() -> None:
    assert (ROOT / "docs" / "instances.md").read_text(encoding="utf-8") == instances.page()


@pytest.mark.parametrize("name", FIGURES)
def test_a_measured_figure_stands_in_the_document_that_it_is_from(name: str) -> None:
    figure = FIGURES[name]
    assert figure["quote"] in (ROOT / figure["document"]).read_text(encoding="utf-8")
    value = figure["value"] * 1000 if name.endswith("_seconds") else figure["value"]
    assert f"{value:g}" in figure["quote"]


def test_the_choices_are_those_of_the_terraform_code() -> None:
    settings = "".join(
        (ROOT / "terraform" / name).read_text(encoding="utf-8")
        for name in ("variables_training.tf", "variables_serving.tf")
    )
    for kind in (instances.NOTEBOOK, instances.TRAINING, instances.HOST, instances.HOSTING):
        assert f'optional(string, "{kind}")' in settings
    assert f"optional(number, {instances.HOST_VOLUME_GB})" in settings
    scaling, function = (
        variable_defaults.of_object(ROOT / "terraform", name) for name in ("autoscaling", "function")
    )
    assert float(scaling["invocations_per_instance"]) == instances.TARGET
    assert float(function["memory_mb"]) == instances.FUNCTION_GB * 1024
