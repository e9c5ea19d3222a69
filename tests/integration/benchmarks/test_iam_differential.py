"""The local cloud's policy decisions against an independent simulator, where Node and npm are present."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
CASES, SEED = 3000, 2


@pytest.fixture(scope="module")
def differential() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import iam_differential

        yield iam_differential


@pytest.fixture(scope="module")
def simulator(differential: Any) -> Path:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node with npm is not on this machine")
    try:
        return Path(differential.install())
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"npm cannot install the simulator: {error}")


def test_every_decision_is_the_simulator_s_or_aws_s_words_say_why_not(
    differential: Any, simulator: Path
) -> None:
    comparison = differential.compare(CASES, SEED, simulator)
    assert not comparison.unexplained
    assert comparison.agreed > CASES * 0.95
    assert min(comparison.decisions.values()) > CASES * 0.1  # of each kind enough


def test_a_wrong_decision_is_not_explained(differential: Any) -> None:
    generator = differential.Generator(SEED)
    case = replace(generator.case(), identity=[], resource_policy=None, organization=[])
    assert differential.decide(case) == "implicitDeny"
    assert differential.explain(case, "allowed") is None


def test_a_seed_gives_the_same_cases(differential: Any) -> None:
    first, second = differential.Generator(SEED), differential.Generator(SEED)
    assert [first.case() for _ in range(50)] == [second.case() for _ in range(50)]
