"""The course-shaped handler on the real TorchServe, started as AWS's image for inference did."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import processes
from processes import Group

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-torchserve"
JAVA = 11  # the oldest that TorchServe 0.12 runs on


def missing_java() -> str:
    """Return why TorchServe cannot run on this machine's Java; nothing if it can."""
    java = shutil.which("java")
    if java is None:
        return f"Java is not on PATH, and TorchServe needs {JAVA} or newer"
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', output)
    if version is None or int(version[1]) < JAVA:
        return f"TorchServe needs Java {JAVA} or newer; `java -version` says {output.splitlines()[:1]}"
    return ""


def prepare(progress: Callable[[str], None]) -> str:
    """Make TorchServe's environment if there is none; return why that is not possible, or nothing."""
    if reason := missing_java():
        return reason
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bootstrap.extra", "torchserve"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    line = ""
    for line in process.stderr:
        progress(line.strip())
    if process.wait():
        return f"its environment cannot be made: {line.strip()}"
    return ""


@contextmanager
def server(archive: Path, scratch: Path) -> Iterator[tuple[Group, int]]:
    """Serve the archive that is unpacked to ``archive``/model; yield its processes and its port.

    Raises
    ------
    processes.StartError
        TorchServe did not become healthy.
    """
    port, log = processes.free_port(), scratch / "torchserve.log"
    folder = scratch / "torchserve"
    folder.mkdir()
    program = str(ENVIRONMENT / "bin" / "python")
    inherited = {
        name: os.environ[name]
        for name in ("HOME", "LANG", "JAVA_HOME", "TMPDIR", "OPENBLAS_CORETYPE")
        if name in os.environ
    }
    code = archive / "model" / "code"
    environment = {
        **inherited,
        "PATH": f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}",
        "SAGEMAKER_BASE_DIR": str(archive),
        "SM_MODEL_DIR": str(archive / "model"),
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(code),
        "SAGEMAKER_MODULE_NAME": "inference",
        "SAGEMAKER_BIND_TO_PORT": str(port),
        # Its other ports are fixed by default; two servers on one machine would meet.
        "TS_GRPC_INFERENCE_PORT": str(processes.free_port()),
        "TS_GRPC_MANAGEMENT_PORT": str(processes.free_port()),
        "TS_METRICS_ADDRESS": f"http://127.0.0.1:{processes.free_port()}",
        "TEMP": str(scratch),
    }
    command = [program, "-P", str(HERE / "start_torchserve.py"), str(scratch / "ts.properties")]
    with processes.group(command, environment, folder, log) as started:
        processes.wait_healthy(started, port, log)
        yield started, port
