"""Files of a transform job as requests, and answers as files."""

from __future__ import annotations

import pytest

from kennel.localcloud.services.sagemaker.transform.records import PayloadError, assembled, requests

LINES = b"a,1\nb,2\nc,3"


@pytest.mark.parametrize(
    ("split", "strategy", "most", "expected"),
    [
        ("None", "MultiRecord", 100, [LINES]),
        ("Line", "SingleRecord", 100, [b"a,1\n", b"b,2\n", b"c,3"]),
        ("Line", "MultiRecord", 100, [LINES]),
        ("Line", "MultiRecord", 8, [b"a,1\nb,2\n", b"c,3"]),
    ],
)
def test_a_file_is_split_as_the_job_says(split: str, strategy: str, most: int, expected: list[bytes]) -> None:
    assert list(requests(LINES, split, strategy, most)) == expected


@pytest.mark.parametrize(("split", "most"), [("None", 10), ("Line", 3)])
def test_a_record_that_is_too_long_is_refused(split: str, most: int) -> None:
    with pytest.raises(PayloadError, match=f"MaxPayloadInMB allows {most}"):
        list(requests(LINES, split, "MultiRecord", most))


def test_answers_are_put_together_one_after_another_or_line_by_line() -> None:
    assert assembled([b"1", b"2\n", b"3"], "None") == b"12\n3"
    assert assembled([b"1", b"2\n", b"3"], "Line") == b"1\n2\n3\n"
