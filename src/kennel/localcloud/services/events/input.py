"""What a rule's target gets of an event: all of it, a part, a constant, or a text made from it.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import json
import re
from typing import Any

VARIABLE = re.compile(r"<([\w.-]+)>")
STEP = re.compile(r"\.([\w-]+)|\['([^']+)'\]|\[(\d+)\]")
MISSING = object()


class InputPathError(ValueError):
    """A path that is none of EventBridge's; the text says which."""


def payload_of(target: dict[str, Any], event: dict[str, Any]) -> str:
    """Return what a target gets of an event.

    Parameters
    ----------
    target
        A target of PutTargets: ``Input``, ``InputPath``, ``InputTransformer``, or none of them.
    """
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath"):
        value = at_path(event, target["InputPath"])
        return json.dumps(None if value is MISSING else value)
    transformer = target.get("InputTransformer")
    return _transform(transformer, event) if transformer else json.dumps(event)


def at_path(event: Any, path: str) -> Any:
    """Return what is at a path like ``$.detail.items[0]``, or `MISSING`.

    Raises
    ------
    InputPathError
        It is no such path.
    """
    if not path.startswith("$") or STEP.sub("", path[1:]):
        raise InputPathError(f"{path} is no path of the form $.detail.name or $.resources[0]")
    value = event
    for match in STEP.finditer(path):
        name, quoted, index = match.groups()
        try:
            value = value[int(index)] if index is not None else value[name or quoted]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return value


def _transform(transformer: dict[str, Any], event: dict[str, Any]) -> str:
    values = {name: at_path(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values["aws.events.event.json"] = values["aws.events.event"] = event
    template, parts, at = transformer["InputTemplate"], [], 0
    for match in VARIABLE.finditer(template):
        if match[1] not in values:
            continue
        parts.append(template[at : match.start()])
        value, at = values[match[1]], match.end()
        within_text = "".join(parts).replace('\\"', "").count('"') % 2 == 1
        if value is MISSING:
            parts.append("" if within_text else '""')
        elif within_text:
            text = value if isinstance(value, str) else json.dumps(value)
            parts.append(json.dumps(text)[1:-1])
        else:
            parts.append(json.dumps(value))
    return "".join([*parts, template[at:]])
