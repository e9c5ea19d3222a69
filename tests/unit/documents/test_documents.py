"""What the documents name exists: their links, and the tasks and options of their commands."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from kennel.checks import documents
from kennel.commands.command_line import named

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))  # tasks.py
INLINE = re.compile(r"`(\./kennel [a-z][^`]*)`")
WITH_OTHER_COMMANDS = ("CHANGELOG.md", "slips.md")  # of former releases; mistyped ones
EXAMPLES = ("TASK", "local.log")  # the task that CONTRIBUTING.md tells how to add


def _words(text: str) -> list[str]:
    return shlex.split(text.replace("…", ""), comments=True)


def _fault(words: list[str]) -> str | None:
    """Return what is wrong with the words behind ``./kennel``; None if nothing is."""
    import tasks

    if words[0].startswith("--") or words[0] in EXAMPLES:
        return None
    if words[0] not in (by_name := named(tasks.namespace)):
        return f"no task {words[0]}"
    known = {flag for option in by_name[words[0]].options for flag in option.flags} | {"--help"}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]
    return f"{words[0]} has no {unknown[0]}" if unknown else None


def _kennel_commands() -> list[tuple[str, list[str]]]:
    """Return where each command stands, and its words behind ``./kennel``."""
    commands = [(str(command), _words(command.text)) for command in documents.commands(ROOT)]
    for path in documents.documents(ROOT):
        if path.name not in WITH_OTHER_COMMANDS:
            inline = INLINE.findall(path.read_text(encoding="utf-8"))
            commands += [(f"{path.name}: {text}", _words(text)) for text in inline]
    return [(where, words[words.index("./kennel") + 1 :]) for where, words in commands if "./kennel" in words]


def test_the_documents_have_commands() -> None:
    assert len(_kennel_commands()) > 20


@pytest.mark.parametrize(("where", "words"), _kennel_commands(), ids=lambda value: str(value)[:60])
def test_a_documents_task_and_its_options_exist(where: str, words: list[str]) -> None:
    assert not words or _fault(words) is None, where


def test_a_broken_link_and_a_missing_heading_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(
        "# A `b` c\n[x](docs/a.md) [y](#a-b-c) [z](#other) [w](https://a.b)\n"
    )
    assert documents.broken_links(tmp_path) == [
        "README.md: nothing at docs/a.md",
        "README.md: nothing at #other",
    ]


def test_commands_are_joined_and_marked(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(
        "text\n```bash\n# a comment\n./kennel a \\\n  --b   # why\n\n```\n```python\nno\n```\n"
        "```bash aws\nterraform init\n```\n"
    )
    assert list(documents.commands(tmp_path)) == [
        documents.Command("README.md", 4, "./kennel a   --b   # why", on_aws=False),
        documents.Command("README.md", 12, "terraform init", on_aws=True),
    ]
