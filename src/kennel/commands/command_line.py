"""Reads a command line: which tasks with which arguments, or what is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kennel.commands.options import Option
from kennel.commands.values import nearest
from kennel.errors import UsageError

HELP = ("--help", "-h")
LIST = ("--list", "-l")


@dataclass
class Request:
    """What a command line asks for.

    Parameters
    ----------
    program
        Options of the program itself, such as ``--list``.
    calls
        The tasks to run, with the arguments that are given.
    help_for
        The task whose help is asked for.
    """

    program: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    help_for: str | None = None


def named(tasks: Any) -> dict[str, Any]:
    """Return the tasks of a collection by the names that a command line uses.

    A group's own task, `cost` beside `cost.refresh`, has the group's name.
    """
    return {_own(name) or name: tasks[name] for name in tasks.task_names}


def shown(name: str) -> str:
    """Return how invoke's ``--list`` is to show a name: it writes a group's own task ``cost.cost (cost)``."""
    first, _, second = name.partition(" ")
    return _own(first) or name if second else name


def _own(name: str) -> str | None:
    group, dot, task = name.partition(".")
    return group if dot and task == group else None


def read(words: Sequence[str], tasks: Mapping[str, Any], program: Mapping[str, Any]) -> Request:
    """Read the words of a command line, without the program's name.

    Parameters
    ----------
    tasks
        The tasks by name; each has ``options``.
    program
        The program's own options by flag, with invoke's ``takes_value`` and ``optional``.

    Raises
    ------
    UsageError
        It cannot be read, or a value is not allowed; the text says what to write instead.
    """
    reader = _Reader(list(words), tasks, program)
    reader.read_program_options()
    while reader.words and not reader.request.help_for:
        reader.read_task()
    return reader.request


class _Reader:
    def __init__(self, words: list[str], tasks: Mapping[str, Any], program: Mapping[str, Any]) -> None:
        self.words, self.tasks, self.program = words, tasks, program
        self.request = Request()

    def read_program_options(self) -> None:
        """Read the options before the first task."""
        while self.words and self.words[0].startswith("-"):
            word = self.words.pop(0)
            flag, equals, value = word.partition("=")
            known = self.program.get(flag)
            if known is None:
                hint = _meant(nearest(flag, self.program))
                raise UsageError(f"unknown option {flag}{hint}: ./kennel --help lists the options")
            follows = bool(self.words) and not (known.optional and self.words[0].startswith("-"))
            if known.takes_value and not equals and follows:
                equals, value = "=", self.words.pop(0)
            if flag in HELP and equals:
                group = value in self._groups() and value not in self.tasks
                self.request.help_for = None if group else self._task(value)
                flag, word = (flag, word) if self.request.help_for else (LIST[0], f"{LIST[0]}={value}")
            if flag in LIST and equals and value not in self._groups():
                raise UsageError(
                    f"{value!r} is no group of tasks{_meant(nearest(value, self._groups()))}: "
                    f"use one of {', '.join(sorted(self._groups()))}, or ./kennel --list for all tasks"
                )
            if known.takes_value and not equals and not known.optional:
                raise UsageError(f"{flag} needs a value: ./kennel --help says which")
            self.request.program.append(f"{flag}={value}" if equals else word)

    def read_task(self) -> None:
        """Read a task's name and its arguments, up to the next task's name."""
        name = self._task(self.words.pop(0))
        options: Sequence[Option] = self.tasks[name].options
        by_flag = {flag: option for option in options for flag in option.flags}
        open_positions = [option for option in options if option.positional]
        values: dict[str, Any] = {}
        only_positions = False
        while self.words:
            word = self.words[0]
            if word == "--" and not only_positions:
                only_positions = True
                self.words.pop(0)
            elif word.startswith("-") and len(word) > 1 and not only_positions:
                if word in HELP:
                    self.request.help_for = name
                    return
                option, value = self._option(name, by_flag)
                values[option.name] = option.joined(values, value)
            else:
                waiting = [o for o in open_positions if o.several or o.name not in values]
                needed = waiting and waiting[0].required and waiting[0].name not in values
                if waiting and (needed or only_positions or word not in self.tasks):
                    value = waiting[0].checked(self.words.pop(0))
                    values[waiting[0].name] = waiting[0].joined(values, value)
                elif word in self.tasks and not only_positions:
                    break
                else:
                    raise self._superfluous(name, word, by_flag)
        for option in options:
            if option.required and option.name not in values:
                raise UsageError(
                    f"{name} needs {option.title} ({option.help}): "
                    f"./kennel {name} {option.title}; ./kennel {name} --help says more"
                )
        self.request.calls.append((name, values))

    def _option(self, task: str, by_flag: Mapping[str, Option]) -> tuple[Option, Any]:
        flag, equals, text = self.words.pop(0).partition("=")
        flag = flag.replace("_", "-")
        option = by_flag.get(flag)
        if option is None:
            hint = _meant(nearest(flag, [*by_flag, HELP[0]]))
            raise UsageError(f"{task} has no option {flag}{hint}: ./kennel {task} --help lists its options")
        if option.value is None:
            if equals:
                raise UsageError(f"{flag} is a switch and takes no value: write {flag} alone")
            return option, flag == option.flag
        if not equals:
            if not self.words or self.words[0].partition("=")[0] in by_flag:
                raise UsageError(
                    f"{flag} needs a value, {flag} {option.value.label}: ./kennel {task} --help says which"
                )
            text = self.words.pop(0)
        return option, option.checked(text)

    def _superfluous(self, task: str, word: str, by_flag: Mapping[str, Option]) -> UsageError:
        option, known = nearest(f"--{word}", by_flag), nearest(word, self.tasks)
        hint = _meant(option or known)
        return UsageError(f"{task} does not take {word!r}{hint}: ./kennel {task} --help says what it takes")

    def _task(self, word: str) -> str:
        word = _own(word) or word
        if word in self.tasks:
            return word
        groups = self._groups()
        if word in groups:
            names = [name for name in self.tasks if name.startswith(f"{word}.")]
            joined = f"{word}.{self.words[0]}" if self.words else ""
            if joined in self.tasks:
                raise UsageError(f"a task of a group is written with a dot: ./kennel {joined}")
            raise UsageError(f"{word} is a group of tasks: use one of {', '.join(sorted(names))}")
        hint = _meant(nearest(word.replace(":", ".").replace("/", "."), self.tasks))
        raise UsageError(f"there is no task {word!r}{hint}: ./kennel --list shows all tasks")

    def _groups(self) -> set[str]:
        return {name.partition(".")[0] for name in self.tasks if "." in name}


def _meant(name: str | None) -> str:
    return f" (did you mean {name}?)" if name else ""
