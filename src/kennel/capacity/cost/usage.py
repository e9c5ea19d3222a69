"""What prices are multiplied with: the assumptions of ``usage.toml``, which a file of the user overrides."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kennel.capacity import CapacityError

DEFAULTS = Path(__file__).with_name("usage.toml")
EVERY, ASLEEP, ALLOWANCES = "every", "asleep", "allowances"


@dataclass(frozen=True)
class Usage:
    """The assumptions for one environment.

    Parameters
    ----------
    values
        A month's quantities by name; ``log_gb`` and ``bucket_gb`` are tables of them.
    allowances
        What AWS does not bill to an account each month, by ``SERVICE ITEM``, in the price's unit.
    """

    values: dict[str, Any]
    allowances: dict[str, float]

    def __getitem__(self, name: str) -> float:
        return float(self.values[name])

    def of(self, table: str, key: str | int | None) -> float | None:
        """Return the quantity of one log group or bucket; None if no assumption is made of it."""
        value = self.values[table].get(key)
        return None if value is None else float(value)


def read(environment: str, override: Path | None = None, *, asleep: bool = False) -> Usage:
    """Return the assumptions for an environment.

    Parameters
    ----------
    asleep
        Of an environment that sleeps.
    override
        A file with the tables of ``usage.toml``: what it names replaces what that file says.

    Raises
    ------
    CapacityError
        The file cannot be read, or names something that no price is multiplied with.
    """
    document = _document(DEFAULTS)
    values, allowances = dict(document[EVERY]), dict(document[ALLOWANCES])
    tables = [environment, *([ASLEEP] if asleep else [])]
    for table in tables:
        _update(values, document.get(table, {}))
    if override is not None:
        given = _document(override)
        for table, entries in given.items():
            _check(override, table, entries, document[ALLOWANCES if table == ALLOWANCES else EVERY])
        for table in (EVERY, *tables):
            _update(values, given.get(table, {}))
        allowances.update(given.get(ALLOWANCES, {}))
    return Usage(values, allowances)


def _document(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CapacityError(
            f"no assumptions can be read from {path} ({error.strerror}): give a file like {DEFAULTS.name}"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CapacityError(f"{path} is no TOML ({error}): write it like {DEFAULTS.name}") from error


def _update(values: dict[str, Any], entries: dict[str, Any]) -> None:
    for name, value in entries.items():
        values[name] = {**values[name], **value} if isinstance(value, dict) else value


def _check(path: Path, table: str, entries: Any, known: dict[str, Any]) -> None:
    """Refuse names that are none and values that are no quantities: a typing error would change nothing.

    Parameters
    ----------
    known
        The names that there are; those of tables have a table.
    """
    if not isinstance(entries, dict):
        raise CapacityError(f"{path}: {table} must be a table: write [{EVERY}] above it")
    for name, value in entries.items():
        if name not in known:
            raise CapacityError(
                f"{path}: {table}.{name} is no assumption of {DEFAULTS.name}: {', '.join(known)}"
            )
        nested = isinstance(known[name], dict) and isinstance(value, dict)
        for key, number in value.items() if nested else [(name, value)]:
            if (
                isinstance(number, bool)
                or not isinstance(number, int | float)
                or not 0 <= number < float("inf")
            ):
                raise CapacityError(f"{path}: {table}.{key} must be a number of 0 or more")
