"""The notebook, executed from the first cell to the last, and kept with what it showed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import artifacts, notebook, trials
from kennel.aws.session import Workspace
from kennel.aws.stack import Stack
from kennel.errors import KennelError

Progress = Callable[[str], None]

# Enough for every step to mean something, little enough for a laptop.
SAMPLE = {"train": 4, "valid": 1, "test": 2}
CLASSES = 10
INTERRUPT_SECONDS = 60.0  # for a cell to stop what it started


class NotebookError(KennelError):
    """The notebook cannot be executed, or one of its cells failed."""


@dataclass(frozen=True)
class Settings:
    """What the notebook reads from its environment.

    Parameters
    ----------
    dataset
        Name of a data set in the data bucket; a small one is drawn and uploaded if it is not there.
    trials, epochs
        How much is tuned and trained.
    """

    dataset: str = "notebook"
    trials: int = 4
    epochs: int = 10

    def environment(self, workspace: Workspace, stack: Stack) -> dict[str, str]:
        """Return the variables that the notebook instance has, and these settings."""
        return {
            "KENNEL_ARTIFACT_BUCKET": stack["artifact_bucket"],
            "KENNEL_DATA_BUCKET": stack["data_bucket"],
            "KENNEL_ENDPOINT": stack["endpoint"]["name"],
            "KENNEL_ENVIRONMENT": workspace.environment,
            "KENNEL_DATASET": self.dataset,
            "KENNEL_TRIALS": str(self.trials),
            "KENNEL_EPOCHS": str(self.epochs),
            "PYTHONPATH": str(workspace.root / "src"),
        }


def prepare(workspace: Workspace, stack: Stack, settings: Settings, tell: Progress) -> None:
    """Publish the code, and see to it that there are photos."""
    from kennel.sample_photos import draw as sample

    notebook.publish(workspace.root, stack)
    bucket, prefix = stack["data_bucket"], f"datasets/{settings.dataset}"
    if not artifacts.objects(bucket, f"{prefix}/"):
        tell(f"drawing {CLASSES} breeds for the data set {settings.dataset}")
        with tempfile.TemporaryDirectory() as folder:
            drawn = sample.draw(Path(folder) / "photos", classes=CLASSES, per_class=SAMPLE)
            artifacts.upload_folder(drawn, bucket, prefix, progress=tell)


def execute(
    source: Path,
    target: Path,
    variables: dict[str, str],
    *,
    keep_output: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Execute a notebook and write the executed copy to ``target``, whatever came of it.

    Parameters
    ----------
    variables
        Environment variables of its kernel, beside this process's own.
    keep_output
        Write the outputs into ``source``, too.

    Returns
    -------
    dict
        ``notebook, cells, seconds``.

    Raises
    ------
    NotebookError
        A cell failed; the text has its number, its first line and the error.
    """
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    tell = progress or (lambda line: None)
    document = nbformat.read(source, as_version=4)
    cells = [cell for cell in document.cells if cell.cell_type == "code"]
    numbers = {cell["id"]: number for number, cell in enumerate(cells, 1)}
    running = ""

    def begun(cell: Any, cell_index: int) -> None:
        nonlocal running
        if cell["id"] in numbers:
            first = next(iter(cell.source.strip().splitlines()), "")
            running = f"cell {numbers[cell['id']]} of {len(cells)}: {first}"
            tell(running)

    # This environment's kernel, reached through files: what is said to it is nobody else's business.
    channel = tempfile.TemporaryDirectory(prefix="kennel-")
    connection = str(Path(channel.name) / "kernel.json")
    client = NotebookClient(
        document,
        km=AsyncKernelManager(kernel_name="python3", transport="ipc", connection_file=connection),
        timeout=None,
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.parent)}},
        on_cell_start=begun,
    )
    started = time.monotonic()
    try:
        _execute(client, {**os.environ, **variables})
    except CellExecutionError as error:
        raise NotebookError(f"{running}: {error.ename}: {error.evalue}") from error
    except DeadKernelError as error:
        raise NotebookError(f"{running}: the kernel died (out of memory?)") from error
    finally:
        channel.cleanup()
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, target)
        if keep_output:
            nbformat.write(document, source)
    return {"notebook": str(target), "cells": len(cells), "seconds": round(time.monotonic() - started, 1)}


def _execute(client: Any, environment: dict[str, str]) -> None:
    """Execute in a thread, so that a Ctrl-C goes to the cell that runs: it stops its job in the cloud."""
    loop = asyncio.new_event_loop()

    def work() -> None:
        try:
            loop.run_until_complete(client.async_execute(env=environment, cleanup_kc=True))
        finally:
            loop.close()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        try:
            done.result()
        except KeyboardInterrupt:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it was over already
                asyncio.run_coroutine_threadsafe(client.km.interrupt_kernel(), loop)
            wait([done], timeout=INTERRUPT_SECONDS)
            if not done.done():
                asyncio.run_coroutine_threadsafe(client.km.shutdown_kernel(now=True), loop)
            raise


def run(
    workspace: Workspace,
    stack: Stack,
    settings: Settings,
    *,
    keep_output: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Execute ``notebooks/train_and_deploy.ipynb`` against the cloud in force; no endpoint is left of it.

    Returns
    -------
    dict
        ``notebook, cells, seconds, dataset``.
    """
    tell = progress or (lambda line: None)
    prepare(workspace, stack, settings, tell)
    before = set(trials.left(stack))
    target = workspace.root / "build" / "notebook" / "train_and_deploy.ipynb"
    source = workspace.root / "notebooks" / "train_and_deploy.ipynb"
    variables = settings.environment(workspace, stack)
    try:
        record = execute(source, target, variables, keep_output=keep_output, progress=tell)
    finally:
        for name in set(trials.left(stack)) - before:
            tell(f"deleting {name}, which the notebook left")
            trials.delete(name)
    return {**record, "dataset": settings.dataset}
