"""A sample of the hostile inputs of `benchmarks/hostile_inputs.py`, through a function and an endpoint."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only")
BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
MODULES = ("hostile_pictures", "malformed_events", "hostile_inputs")


@pytest.fixture(scope="module")
def inputs() -> Iterator[ModuleType]:
    """The benchmark, which imports its inputs from its own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("hostile_inputs")
        for name in MODULES:
            sys.modules.pop(name, None)


def test_every_hostile_input_gets_a_json_error_of_the_right_status(stage: Stage, inputs: ModuleType) -> None:
    stack = inputs.Stack(stage.client)
    usual = stack.prediction()
    pictures = list(inputs.hostile_pictures.inputs())[::10]
    events = list(inputs.malformed_events.events(f"s3://{inputs.BUCKET}/inbox/"))[::4]

    answers = stack.ask_all(pictures, events)

    assert [(answer.way, answer.name, answer.problem) for answer in answers if answer.problem] == []
    assert len(answers) == 2 * len(pictures) + len(events)
    assert stack.prediction() == usual
    assert usual[0] == 200
