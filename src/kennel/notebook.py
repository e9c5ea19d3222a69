"""Execute the notebook from the first cell to the last, and keep a copy with its outputs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.aws import Progress, artifacts, silent
from kennel.aws.deployment import trials
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.session import Workspace
from kennel.aws.training import notebook_source
from kennel.errors import KennelError
from kennel.folders import HeldFolder

# Photos per class: enough to exercise every step, few enough for a laptop.
SAMPLE = {"train": 4, "valid": 1, "test": 2}
CLASSES = 10
INTERRUPT_SECONDS = 60.0  # for the running cell to stop its jobs


class NotebookError(KennelError):
    """The notebook could not be executed, or one of its cells failed."""


@dataclass(frozen=True)
class Settings:
    """The settings that the notebook reads from environment variables.

    Parameters
    ----------
    dataset
        Name of a data set in the data bucket; if there is none, a small one is drawn and uploaded.
    trials, epochs
        Number of tuning trials; passes over the photos in training.
    """

    dataset: str = "notebook"
    trials: int = 4
    epochs: int = 10

    def environment(self, workspace: Workspace, stack: Stack) -> dict[str, str]:
        """Return the variables of the notebook instance, and these settings."""
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


def prepare(workspace: Workspace, stack: Stack, settings: Settings, report: Progress) -> None:
    """Publish the code, and upload drawn photos if the data set does not exist."""
    from kennel.sample_photos.draw import draw

    notebook_source.publish(workspace.root, stack)
    bucket, prefix = stack["data_bucket"], f"datasets/{settings.dataset}"
    if not artifacts.objects(bucket, f"{prefix}/"):
        report(f"drawing {CLASSES} breeds for the data set {settings.dataset}")
        with HeldFolder() as folder:
            drawn = draw(folder / "photos", classes=CLASSES, per_class=SAMPLE)
            artifacts.upload_folder(drawn, bucket, prefix, progress=report)


def execute(
    source: Path,
    target: Path,
    variables: dict[str, str],
    *,
    keep_output: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Execute a notebook and write the executed copy to ``target``, also if a cell fails.

    Parameters
    ----------
    variables
        Environment variables of its kernel, in addition to those of this process.
    keep_output
        Also write the outputs into ``source``.

    Returns
    -------
    dict
        ``notebook, cells, seconds``.

    Raises
    ------
    NotebookError
        A cell failed; the message has its number, its first line and the error.
    """
    import nbformat
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    report = progress or silent
    document = nbformat.read(source, as_version=4)
    cells = [cell for cell in document.cells if cell.cell_type == "code"]
    numbers = {cell["id"]: number for number, cell in enumerate(cells, 1)}
    running = ""

    def report_cell(cell: Any, cell_index: int) -> None:
        nonlocal running
        if cell["id"] in numbers:
            first = next(iter(cell.source.strip().splitlines()), "")
            running = f"cell {numbers[cell['id']]} of {len(cells)}: {first}"
            report(running)

    # This environment's kernel, connected through Unix sockets in a private folder instead of TCP ports.
    private = HeldFolder()
    connection = str(private.path / "kernel.json")
    client = NotebookClient(
        document,
        km=AsyncKernelManager(kernel_name="python3", transport="ipc", connection_file=connection),
        timeout=None,
        coalesce_streams=True,
        resources={"metadata": {"path": str(source.parent)}},
        on_cell_start=report_cell,
    )
    started = time.monotonic()
    try:
        _execute(client, {**os.environ, **variables})
    except CellExecutionError as error:
        raise NotebookError(f"{running}: {error.ename}: {error.evalue}") from error
    except DeadKernelError as error:
        raise NotebookError(f"{running}: the kernel died (out of memory?)") from error
    finally:
        private.remove()
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(document, target)
        if keep_output:
            nbformat.write(document, source)
    return {"notebook": str(target), "cells": len(cells), "seconds": round(time.monotonic() - started, 1)}


def _execute(client: Any, environment: dict[str, str]) -> None:
    """Execute in a thread, so that Ctrl-C interrupts the running cell, which then stops its job."""
    loop = asyncio.new_event_loop()

    def work() -> None:
        try:
            loop.run_until_complete(client.async_execute(env=environment, cleanup_kc=True))
        finally:
            loop.close()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        try:
            future.result()
        except KeyboardInterrupt:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the notebook has already ended
                asyncio.run_coroutine_threadsafe(client.km.interrupt_kernel(), loop)
            wait([future], timeout=INTERRUPT_SECONDS)
            if not future.done():
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
    """Execute ``notebooks/train_and_deploy.ipynb`` on the configured cloud; delete endpoints that it leaves.

    Returns
    -------
    dict
        ``notebook, cells, seconds, dataset``.
    """
    report = progress or silent
    prepare(workspace, stack, settings, report)
    before = set(trials.left(stack))
    target = workspace.root / "build" / "notebook" / "train_and_deploy.ipynb"
    source = workspace.root / "notebooks" / "train_and_deploy.ipynb"
    variables = settings.environment(workspace, stack)
    try:
        record = execute(source, target, variables, keep_output=keep_output, progress=report)
    finally:
        for name in set(trials.left(stack)) - before:
            report(f"deleting {name}, which the notebook left")
            trials.delete(name)
    return {**record, "dataset": settings.dataset}
