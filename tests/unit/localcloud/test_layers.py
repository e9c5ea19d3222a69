"""`/opt` in a function's code becomes the folder of its layers, where it leads to something in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel.localcloud.services.lambda_.layers import with_layers

NAMES = ["bin", "data.json", "model-2.bin", "python"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('open("/opt/data.json")', 'open("HERE/data.json")'),
        ('f"/opt/{name}"', 'f"HERE/{name}"'),
        ('"/opt/" + name', '"HERE/" + name'),
        ('Path("/opt")', 'Path("HERE")'),
        ('f"/opt/model-{version}.bin"', 'f"HERE/model-{version}.bin"'),
        ("PATH=/opt/bin:/usr/bin", "PATH=HERE/bin:/usr/bin"),
        ("/opt/homebrew/lib", "/opt/homebrew/lib"),
        ("/usr/opt/bin /optional /opt-in/bin", "/usr/opt/bin /optional /opt-in/bin"),
    ],
)
def test_only_what_leads_to_a_layer_is_replaced(text: str, expected: str) -> None:
    assert with_layers(text, Path("HERE"), NAMES) == expected
