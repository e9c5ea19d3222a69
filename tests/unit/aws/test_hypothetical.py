"""The settings of an environment get an address for alarms where they have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.aws.infrastructure.hypothetical import ADDRESS, with_address

ENVIRONMENTS = Path(__file__).resolve().parents[3] / "terraform" / "environments"


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_an_address_is_added_once(name: str) -> None:
    settings = (ENVIRONMENTS / f"{name}.tfvars").read_text(encoding="utf-8")
    assert with_address(settings).count(ADDRESS) == 1
    assert with_address(with_address(settings)) == with_address(settings)


def test_addresses_that_are_there_are_kept() -> None:
    settings = 'observability = {\n  emails = ["ops@example.com"]\n}\n'
    assert with_address(settings) == settings


def test_settings_without_the_block_get_one() -> None:
    assert with_address("environment = 1\n") == f"environment = 1\n\nobservability = {{\n{ADDRESS}}}\n"
