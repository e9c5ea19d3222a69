"""Freed memory is used again, not cleared again by the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A worker's thread allocates from an arena of its own.
PROGRAM = """
import resource
from concurrent.futures import ThreadPoolExecutor
from kennel.serving import memory
if {kept}:
    memory.keep_freed()
def request():
    return len([bytearray(1_500_000) for _ in range(3)])
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
worker = ThreadPoolExecutor(1)
worker.submit(request).result()
before = faults()
for _ in range(50):
    worker.submit(request).result()
print(faults() - before)
"""


def _page_faults(*, kept: bool) -> int:
    command = [sys.executable, "-c", PROGRAM.format(kept=kept)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's thresholds")
def test_memory_that_a_request_freed_is_kept() -> None:
    assert _page_faults(kept=True) < _page_faults(kept=False) / 4
