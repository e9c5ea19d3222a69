"""The audit log: whole lines, from many threads, readable while it grows."""

from __future__ import annotations

import resource
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from kennel.localcloud.dispatch.audit_log import AuditEntry, AuditLog, read

ENTRY = AuditEntry(
    "2026-01-01T00:00:00.000+00:00", "arn:x", "s3:GetObject", "arn:aws:s3:::b/k", "allow", "why", 200
)


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit-log.jsonl")
    denied = replace(ENTRY, decision="deny", status=403)
    log.append(ENTRY, denied)
    assert list(log.entries()) == [ENTRY, denied]


def test_threads_do_not_tear_each_other_s_lines(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit-log.jsonl")

    def write(number: int) -> None:
        for _ in range(100):
            log.append(replace(ENTRY, principal=f"arn:{number}" * 50))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(log.entries())) == 800


def test_a_line_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "audit-log.jsonl"
    log = AuditLog(path)
    log.append(ENTRY)
    with path.open("a") as file:
        file.write('{"time": "2026')
    assert list(read(path)) == [ENTRY]


def test_an_audit_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        log = AuditLog(tmp_path / "audit-log.jsonl")
        log.append(ENTRY)
        log.close()
    assert len(list(log.entries())) == 2


def test_an_audit_log_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none")) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no file that is always full")
def test_what_a_full_disk_refuses_is_counted_and_the_service_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "audit-log.jsonl"
    path.symlink_to("/dev/full")
    log = AuditLog(path)

    log.append(ENTRY, ENTRY)
    log.append(ENTRY)

    assert log.lost == 3
    assert log.problem == f"{path}: No space left on device"
    assert len(caplog.records) == 1


def test_a_part_of_a_line_that_a_full_disk_took_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "audit-log.jsonl"
    log = AuditLog(path)
    log.append(ENTRY)
    limit = path.stat().st_size + 20
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        log.append(ENTRY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert log.lost == 1

    log.append(ENTRY)

    assert list(log.entries()) == [ENTRY, ENTRY]
