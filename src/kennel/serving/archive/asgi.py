"""The application of the model folder that this file is in: ``uvicorn asgi:application`` serves it."""

from __future__ import annotations

from pathlib import Path

from kennel.serving.application import create

FOLDER = Path(__file__).resolve().parent.parent

application = create(FOLDER)
