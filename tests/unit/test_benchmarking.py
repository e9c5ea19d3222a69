"""A benchmark that is interrupted ends what it has started."""

from __future__ import annotations

from pathlib import Path

import pytest

from kennel import benchmarking

BENCHMARK = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
try:
    print("measuring", file=sys.stderr, flush=True)
    while True:
        time.sleep(1)
finally:
    os.kill(os.getppid(), signal.SIGINT)  # a second interrupt while it ends what it has started
    time.sleep(0.2)
    pathlib.Path(__file__).with_name("ended").touch()
"""


def test_an_interrupted_benchmark_ends_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "endless.py").write_text(BENCHMARK)
    monkeypatch.setattr(benchmarking, "ROOT", tmp_path)

    def interrupt(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        benchmarking.run("endless.py", [], interrupt)

    assert (tmp_path / "benchmarks" / "ended").exists()
