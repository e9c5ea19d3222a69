"""A process's output becomes lines, whatever it prints."""

from __future__ import annotations

import io

from kennel.localcloud.runtime.logs import LONGEST_LINE, lines_of


def test_lines_are_split_and_the_last_needs_no_end() -> None:
    assert list(lines_of(io.BytesIO(b"one\ntwo\r\n\nthree"))) == ["one", "two", "", "three"]


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert list(lines_of(io.BytesIO(b"\xff\xfe dog\n"))) == ["\ufffd\ufffd dog"]


def test_a_line_past_the_limit_comes_in_pieces() -> None:
    lines = list(lines_of(io.BytesIO(b"x" * (2 * LONGEST_LINE + 5) + b"\nend\n")))
    assert all(len(line) <= LONGEST_LINE for line in lines)
    assert sum(map(len, lines[:-1])) == 2 * LONGEST_LINE + 5
    assert lines[-1] == "end"
