"""What the launcher adds to a start: `./kennel --version` against the Python that it ends in, alternating.

Run it with `.venv/bin/python benchmarks/launcher.py [STARTS]` in a checkout whose environment is ready.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def seconds(command: list[str]) -> float:
    """Run the command once and return how long it took."""
    started = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    return time.perf_counter() - started


def main(starts: int) -> None:
    """Print both medians, their difference and their ratio."""
    launcher = [str(ROOT / "kennel"), "--version"]
    bare = [str(ROOT / ".venv/bin/python"), "-P", "-m", "kennel", "--version"]
    seconds(launcher)  # makes or refreshes the environment, if it must, outside the measurement
    pairs = [(seconds(launcher), seconds(bare)) for _ in range(starts)]
    whole, inner = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"launcher {whole * 1000:.0f} ms, bare Python {inner * 1000:.0f} ms, medians of {starts} starts")
    print(f"overhead {(whole - inner) * 1000:.0f} ms, ratio {whole / inner:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
