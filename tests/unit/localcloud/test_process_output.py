"""A process's output becomes lines, whatever it prints."""

from __future__ import annotations

import os
import threading

import pytest

from kennel.localcloud.runtime.logs import LONGEST_LINE
from kennel.localcloud.runtime.process_output import READ_SIZE, LineBuffer, OutputReader


def lines_of(output: bytes, chunk_size: int = READ_SIZE) -> list[str]:
    buffer, lines = LineBuffer(), list[str]()
    for start in range(0, len(output), chunk_size):
        lines += buffer.add(output[start : start + chunk_size])
    return [*lines, *buffer.rest()]


@pytest.mark.parametrize("chunk_size", [1, 3, 100])
def test_lines_are_split_and_the_last_needs_no_end(chunk_size: int) -> None:
    assert lines_of(b"first\nsecond\r\n\nthird", chunk_size) == ["first", "second", "", "third"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert lines_of(b"\xff\xfe dog\n") == ["\ufffd\ufffd dog"]


def test_a_line_past_the_limit_comes_in_pieces() -> None:
    lines = lines_of(b"x" * (2 * LONGEST_LINE + 5) + b"\nend\n")
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert sum(map(len, lines[:-1])) == 2 * LONGEST_LINE + 5
    assert lines[-1] == "end"


def test_drain_passes_on_what_was_written_before_it_and_keeps_an_unfinished_line() -> None:
    reading, writing = os.pipe()
    lines: list[str] = []
    reader = OutputReader(os.fdopen(reading, "rb"), receive=lines.append)
    for number in range(100):
        os.write(writing, f"{number}\nunfin".encode())
        reader.drain()
        assert lines[-1].endswith(str(number))
        os.write(writing, b"ished ")
    os.close(writing)
    reader.join(10)
    assert len(lines) == 101
    assert lines[1:] == [f"unfinished {number}" for number in range(1, 100)] + ["unfinished "]


def test_lines_arrive_once_and_in_order_when_two_threads_read() -> None:
    reading, writing = os.pipe()
    lines: list[str] = []
    reader = OutputReader(os.fdopen(reading, "rb"), receive=lines.append)
    expected = [str(number) for number in range(20_000)]

    def write() -> None:
        with os.fdopen(writing, "w") as pipe:
            pipe.writelines(f"{line}\n" for line in expected)

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        reader.drain()
    writer.join(10)
    reader.join(10)
    assert lines == expected
