"""Read IAM policies as checkov hands them out: policy documents of the provider, and JSON in attributes.

No checkov in here, so the rules can be tested without it. Checkov wraps every value in a list and leaves what
it cannot evaluate as text, such as ``var.actions`` or ``${templatefile(…)}``: that is called unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# Where AWS resources carry policies.
POLICY_ATTRIBUTES = ("policy", "policy_document", "assume_role_policy", "access_policy", "access_policies")
ATTACHMENT_ATTRIBUTES = ("policy_arn", "policy_arns", "managed_policy_arns", "managed_policy_arn")
# A policy of its own kind, not IAM's.
NOT_IAM = ("aws_ecr_lifecycle_policy", "aws_dlm_lifecycle_policy", "aws_organizations_policy")

_DOCUMENT = re.compile(r"^data\.aws_iam_policy_document\.[\w-]+(\[[^\]]*\])?\.(minified_)?json$")
_ATTACHABLE = re.compile(r"^(data\.)?aws_iam_policy\.[\w-]+(\[[^\]]*\])?\.(arn|id)$")
_BROAD = re.compile(
    r"(?:^|[/:\s\"'])(?:job-function/|service-role/|aws-service-role/)?("
    r"[\w+=,.@-]*FullAccess(?:V\d+)?|AdministratorAccess(?:-[\w]+)?|PowerUserAccess|"
    r"SystemAdministrator|NetworkAdministrator|DatabaseAdministrator|DataScientist"
    r")(?=$|[\s\"'}\])])"
)
_REFERENCE = re.compile(
    r"^(\$\{.*\}|(each|var|local|data|module|self|count|path)\..*|\w+\(.*\)|\[?for\b.*)$", re.S
)


@dataclass
class Statement:
    """One statement; a list that could not be read is None."""

    effect: str = "Allow"
    actions: list[str] | None = field(default_factory=list)
    not_actions: bool = False
    resources: list[str] = field(default_factory=list)
    not_resources: bool = False
    principals: list[tuple[str, str]] = field(default_factory=list)
    conditions: list[tuple[str, str]] = field(default_factory=list)
    # for_each expressions of dynamic conditions, with the variable that each would test
    dynamic_conditions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def allows(self) -> bool:
        """Whether it grants anything."""
        return self.effect != "Deny"

    @property
    def hidden(self) -> bool:
        """Whether its actions cannot be read. A variable without a default reads as an empty list."""
        return not self.actions and not self.not_actions

    def grants(self, action: str) -> bool:
        """Return whether an action is among those granted, wildcards included."""
        return self.allows and any(
            fnmatchcase(action.lower(), granted.lower()) for granted in self.actions or []
        )

    def tests(self, variable: str) -> bool:
        """Return whether a condition tests the variable, in every case."""
        return any(name.lower() == variable.lower() and _strict(test) for test, name in self.conditions)


def texts(value: Any) -> Iterator[str]:
    """Yield every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not str(key).startswith("__"):
                yield from texts(inner)
    elif isinstance(value, list | tuple | set):
        for inner in value:
            yield from texts(inner)


def broad_policy(value: Any) -> str | None:
    """Return the first policy of AWS's named in a value that grants whole services, or None."""
    for text in texts(value):
        found = _BROAD.search(text)
        if found:
            return found[1]
    return None


def is_reference(text: str) -> bool:
    """Return whether a text is an expression that checkov left unevaluated."""
    return bool(_REFERENCE.match(text.strip()))


def plain(text: str) -> str:
    """Return an expression without its interpolation."""
    text = text.strip()
    return text[2:-1].strip() if text.startswith("${") and text.endswith("}") else text


def policies(conf: dict[str, Any]) -> Iterator[Any]:
    """Yield the policies that a resource carries, inline ones included, as they were handed out."""
    for name in POLICY_ATTRIBUTES:
        for value in conf.get(name) or []:
            if value not in (None, ""):
                yield value
    for block in conf.get("inline_policy") or []:
        if isinstance(block, dict):
            yield from policies(block)


def as_json(policy: Any) -> dict[str, Any] | None:
    """Return a policy's JSON, or None if it is not JSON."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return None
    return policy if isinstance(policy, dict) else None


def readable(policy: Any) -> bool:
    """Return whether a policy is one that the other checks see: JSON, or a policy document's."""
    return as_json(policy) is not None or (isinstance(policy, str) and bool(_DOCUMENT.match(plain(policy))))


def unreadable_attachments(conf: dict[str, Any]) -> list[str]:
    """Return the attached policies whose names are known only when Terraform runs."""
    attached = [text for name in ATTACHMENT_ATTRIBUTES for text in texts(conf.get(name))]
    return [
        text
        for text in attached
        if not _ATTACHABLE.match(plain(text))
        and (is_reference(text) or "${each." in text or "${var." in text)
    ]


def of_json(policy: dict[str, Any]) -> list[Statement]:
    """Return the statements of a policy in JSON."""
    found = policy.get("Statement", [])
    return [_json_statement(one) for one in _list(found) if isinstance(one, dict)]


def of_document(conf: dict[str, Any]) -> list[Statement]:
    """Return the statements of an ``aws_iam_policy_document``, those of dynamic blocks included."""
    blocks = [block for block in _list(conf.get("statement")) if isinstance(block, dict)]
    for dynamic in _list(conf.get("dynamic")):
        if isinstance(dynamic, dict) and isinstance(dynamic.get("statement"), dict):
            blocks += [
                block for block in _list(dynamic["statement"].get("content")) if isinstance(block, dict)
            ]
    return [_document_statement(block) for block in blocks]


def merged(conf: dict[str, Any]) -> list[Any]:
    """Return the policies that a policy document takes in from elsewhere."""
    names = ("source_policy_documents", "override_policy_documents", "source_json", "override_json")
    return [text for name in names for text in texts(conf.get(name))]


def _strict(test: str) -> bool:
    return not test.lower().endswith("ifexists") and "not" not in test.lower() and test.lower() != "null"


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _flat(value: Any) -> list[str]:
    return list(texts(value))


def _actions(value: Any) -> list[str] | None:
    found = _flat(value)
    return None if any(is_reference(text) for text in found) else found


def _json_statement(block: dict[str, Any]) -> Statement:
    principal = block.get("Principal", {})
    if isinstance(principal, str):
        principal = {"AWS": principal}
    condition = block.get("Condition", {})
    return Statement(
        effect=str(block.get("Effect", "Allow")),
        actions=_actions(block.get("Action")),
        not_actions="NotAction" in block,
        resources=_flat(block.get("Resource")),
        not_resources="NotResource" in block,
        principals=[(kind, name) for kind, names in principal.items() for name in _flat(names)],
        conditions=[
            (test, name)
            for test, names in (condition.items() if isinstance(condition, dict) else ())
            if isinstance(names, dict)
            for name, values in names.items()
            if _flat(values)
        ],
    )


def _document_statement(block: dict[str, Any]) -> Statement:
    dynamic_conditions = []
    for dynamic in _list(block.get("dynamic")):
        condition = dynamic.get("condition") if isinstance(dynamic, dict) else None
        if isinstance(condition, dict):
            when = " ".join(_flat(condition.get("for_each")))
            for content in _list(condition.get("content")):
                if isinstance(content, dict) and _strict(" ".join(_flat(content.get("test")))):
                    dynamic_conditions += [(when, name) for name in _flat(content.get("variable"))]
    return Statement(
        effect=(_flat(block.get("effect")) or ["Allow"])[0],
        actions=_actions(block.get("actions")),
        not_actions=bool(_flat(block.get("not_actions"))),
        resources=_flat(block.get("resources")),
        not_resources=bool(_flat(block.get("not_resources"))),
        principals=[
            ((_flat(one.get("type")) or [""])[0], name)
            for one in _list(block.get("principals"))
            if isinstance(one, dict)
            for name in _flat(one.get("identifiers"))
        ],
        conditions=[
            ((_flat(one.get("test")) or [""])[0], (_flat(one.get("variable")) or [""])[0])
            for one in _list(block.get("condition"))
            if isinstance(one, dict) and _flat(one.get("values"))
        ],
        dynamic_conditions=dynamic_conditions,
    )
