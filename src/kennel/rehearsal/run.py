"""Runs the steps of a rehearsal, one rehearsal at a time, and always cleans up."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from kennel import pictures
from kennel.aws.session import Workspace
from kennel.classifier.data import sources
from kennel.errors import KennelError
from kennel.rehearsal import versions
from kennel.rehearsal.result import RehearsalError, RehearsalResult, as_dict
from kennel.rehearsal.steps import STEPS, RehearsalCloud, State, Step
from kennel.report import rehearsal_page
from kennel.system_errors import explain
from kennel.terminal import Steps

PAGE = "report.html"


def rehearse(
    cloud: RehearsalCloud,
    build: Path,
    *,
    photo: str | None = None,
    data: Path | None = None,
    keep: bool = False,
) -> RehearsalResult:
    """Run all steps, write ``result.json`` and the report; stop the cloud afterwards, unless ``keep``.

    Parameters
    ----------
    build
        Folder of the rehearsal's files.
    photo
        The photo to predict; a test photo if None.
    data
        A folder of labelled photos, which is split if it is not; drawn if None.
    keep
        Leave the cloud and the stack running.

    Raises
    ------
    RehearsalError
        Another rehearsal is running, or an argument is invalid. A failing step does not raise: its
        ``ok`` is false, and ``error`` has the reason.
    """
    if photo and not Path(photo).expanduser().is_file():
        raise RehearsalError(f"no photo at {photo}: give a JPEG, PNG or WebP file")
    if photo and (fault := pictures.fault(Path(photo).expanduser())):
        raise RehearsalError(f"{photo} cannot be read: {fault}")
    if data:
        sources.locate(data)  # refused now, not after the cloud has started
    build.mkdir(parents=True, exist_ok=True)
    steps = [step for step in STEPS if not (keep and step[0] == "destroy")]
    result = RehearsalResult(
        planned=[name for name, _ in steps],
        drawn=data is None,
        kept=keep,
        started_at=datetime.now().astimezone().isoformat(timespec="seconds"),
        versions=versions.of_python(),
        settings={"photo": photo, "data": str(data) if data else None, "keep": keep},
        log=str(cloud.log),
    )
    state = State(Workspace("local", build / "stack"), cloud, data, photo, result)
    started = time.monotonic()
    with _exclusive(build / "lock"):
        cloud.stop()  # a cloud that a killed rehearsal left running
        shutil.rmtree(state.records, ignore_errors=True)  # what an earlier rehearsal learnt
        before = dict(os.environ)
        try:
            _run(state, steps)
        finally:
            if not keep:
                cloud.stop()
            os.environ.clear()
            os.environ.update(before)
            result.seconds = round(time.monotonic() - started, 1)
            document = as_dict(result)
            (build / "result.json").write_text(json.dumps(document, indent=2) + "\n")
            rehearsal_page.write(build / PAGE, document, cloud.audit_log(), state.records)
    return result


def _run(state: State, steps: list[tuple[str, Step]]) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    rehearsal_started = time.monotonic()
    with Steps([name for name, _ in steps]) as display:
        for name, work in steps:
            step_started = time.monotonic()
            begun = round(step_started - rehearsal_started, 2)
            record = {"name": name, "started": begun, "seconds": 0.0, "ok": False}
            state.result.steps.append(record)
            try:
                with display.step(name) as report:
                    work(state, report)
                record["ok"] = True
            except OSError as error:
                state.result.error = f"{name}: {explain(error)}"
                return
            except (KennelError, ClientError, BotoCoreError) as error:
                state.result.error = f"{name}: {error}"
                return
            except KeyboardInterrupt:
                state.result.error = f"{name}: interrupted"
                raise
            except BaseException as error:
                state.result.error = f"{name}: {type(error).__name__}: {error}"
                raise
            finally:
                record["seconds"] = round(time.monotonic() - step_started, 2)


@contextmanager
def _exclusive(lock: Path) -> Iterator[None]:
    """Hold the lock that allows one rehearsal per checkout; the end of the process releases it."""
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise RehearsalError(
                f"a rehearsal is already running (process {holder}): wait for it, or stop it with Ctrl-C"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
