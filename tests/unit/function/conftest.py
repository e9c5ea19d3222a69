"""The function's modules, imported as Lambda does: from their own folder on the path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "predict"
PHOTOS = {
    "image/jpeg": b"\xff\xd8\xff\xe0 a jpeg",
    "image/png": b"\x89PNG\r\n\x1a\n a png",
    "image/webp": b"RIFF\x10\x00\x00\x00WEBPVP8 ",
}


@pytest.fixture(scope="session")
def modules() -> Iterator[dict[str, ModuleType]]:
    """All modules of the function, by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.syspath_prepend(str(SOURCE))
        loaded = {path.stem: importlib.import_module(path.stem) for path in sorted(SOURCE.glob("*.py"))}
        assert all(str(module.__file__).startswith(str(SOURCE)) for module in loaded.values())
        yield loaded
        for name in loaded:
            sys.modules.pop(name, None)


@pytest.fixture
def photo() -> bytes:
    """A body that begins as a JPEG does."""
    return PHOTOS["image/jpeg"]


@pytest.fixture
def photos() -> dict[str, bytes]:
    """A body for each media type that the endpoint reads."""
    return PHOTOS


@pytest.fixture
def prediction_error(modules: dict[str, ModuleType]) -> Any:
    """The exception whose message the caller receives."""
    return modules["http_response"].PredictionError
