"""Starts the recorder: Python imports a module of this name when it starts, if it is on its path."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).parents[1] / "recorder.py"))["start"]()
