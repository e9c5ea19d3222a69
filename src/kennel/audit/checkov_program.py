"""Starts checkov, in the audit's environment: a script, since this project's packages are not in that.

checkov reads attributes by paths, and the parser of these (bc_jsonpath_ng) lets PLY compute the table of its
grammar anew for each path, which was a third of a scan's processor time. Here it is computed once.
"""

from __future__ import annotations

import runpy
from collections.abc import Hashable
from typing import Any

from ply import yacc

_compute = yacc.LRGeneratedTable
_tables: dict[Hashable, Any] = {}


def _table(grammar: Any, method: str = "LALR", log: Any = None) -> Any:
    """Return the table of a grammar; PLY binds it to the functions of the parser that asks for it."""
    rules = [(str(rule), rule.func, rule.prec) for rule in grammar.Productions]
    key = (method, *rules)
    if key not in _tables:
        _tables[key] = _compute(grammar, method, log)
    return _tables[key]


if __name__ == "__main__":
    yacc.LRGeneratedTable = _table
    runpy.run_module("checkov.main", run_name="__main__", alter_sys=True)
