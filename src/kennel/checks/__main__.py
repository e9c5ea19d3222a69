"""Runs single checks by name, without the launcher: ``python -m kennel.checks format lint``."""

from __future__ import annotations

import sys
from pathlib import Path

from kennel.checks import catalogue
from kennel.checks.programs import Programs


def main(names: list[str]) -> int:
    """Run the named checks one after the other in the current folder, a checkout; return 1 if one fails."""
    programs = Programs(Path.cwd())
    known = {check.name: check for check in catalogue.checks(programs.root, programs)}
    if not names or not known.keys() >= set(names):
        print(f"give names of checks: {', '.join(known)}", file=sys.stderr)
        return 2
    failed = 0
    for name in names:
        result = known[name].run(lambda line: None)
        if not result.ok:
            print(f"── {name}\n{result.output.rstrip()}")
            failed += 1
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
