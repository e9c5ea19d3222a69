"""docs/scaling.md is what prices, measurements, the Terraform code and the simulator give.

``./kennel docs.scaling`` writes it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kennel.capacity import CapacityError, assumptions
from kennel.capacity.scaling_document import page, tables
from kennel.capacity.scaling_document.chosen_runs import RULE, ChosenRuns
from kennel.capacity.scaling_document.runs import Recorded
from kennel.capacity.scaling_document.settings import Settings
from kennel.commands.docs import scaling_settings
from kennel.serving import workers

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "scaling.md"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return scaling_settings()


def test_the_page_is_what_prices_measurements_settings_and_runs_give(settings: Settings) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page.page(settings)


def test_all_runs_are_recorded_and_no_others(settings: Settings) -> None:
    assert {run.name for run in ChosenRuns(settings).all()} == set(Recorded().results)


def test_a_run_gives_again_what_is_recorded(settings: Settings) -> None:
    """Of each kind the shortest; the others differ in numbers only."""
    runs, recorded = ChosenRuns(settings), Recorded()
    for run in (runs.fast(RULE), runs.comparison(10_000, "diurnal")):
        assert run.simulate() == recorded[run]


def test_another_default_needs_runs_of_its_own(settings: Settings) -> None:
    scaling = {**settings.defaults["autoscaling"], "invocations_per_instance": "301"}
    changed = replace(settings, defaults={**settings.defaults, "autoscaling": scaling})
    with pytest.raises(CapacityError, match=r"301 invocations.*\./kennel docs\.scaling"):
        page.page(changed)


def test_a_sentence_that_prices_contradict_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = tables.months

    def with_a_dear_function(*arguments: object) -> dict[str, float]:
        return {**months(*arguments), "function": 1e6}  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(tables, "months", with_a_dear_function)
    with pytest.raises(CapacityError, match="Lambda alone is the cheapest in every row"):
        page.page(settings)


def test_what_is_assumed_of_an_instance_is_what_a_release_does() -> None:
    assert assumptions.WAITING == workers.WAITING
