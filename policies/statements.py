"""Parse IAM policies in the form that checkov passes to checks: policy documents, and JSON in attributes.

Independent of checkov, so that the rules can be tested without it. Checkov wraps every value in a list and
leaves what it cannot evaluate as text, such as ``var.actions`` or ``${templatefile(…)}``. Such values are
called unreadable.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

# Attributes of AWS resources that contain policies.
POLICY_ATTRIBUTES = ("policy", "policy_document", "assume_role_policy", "access_policy", "access_policies")
ATTACHMENT_ATTRIBUTES = ("policy_arn", "policy_arns", "managed_policy_arns", "managed_policy_arn")
# Resources whose ``policy`` is not an IAM policy.
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

_ITERATOR = re.compile(r"^\w+\.(key|value)\b")  # of a dynamic block: the name that it gives its element


@dataclass
class TerraformStatement:
    """One policy statement in Terraform code; ``actions`` is None if unreadable."""

    effect: str = "Allow"
    actions: list[str] | None = field(default_factory=list)
    not_actions: bool = False
    resources: list[str] = field(default_factory=list)
    not_resources: bool = False
    principals: list[tuple[str, str]] = field(default_factory=list)
    conditions: list[tuple[str, str]] = field(default_factory=list)
    # (for_each expression, condition key) of each dynamic condition
    dynamic_conditions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def allows(self) -> bool:
        """Whether the effect is Allow."""
        return self.effect != "Deny"

    @property
    def unreadable(self) -> bool:
        """Whether its actions are unreadable. A variable without a default evaluates to an empty list."""
        return not self.actions and not self.not_actions

    def grants(self, action: str) -> bool:
        """Return whether the statement grants an action; wildcards are expanded."""
        return self.allows and any(
            fnmatchcase(action.lower(), granted.lower()) for granted in self.actions or []
        )

    def tests(self, variable: str) -> bool:
        """Return whether a condition requires the variable, also when the key is absent from a request.

        ForAllValues holds for an absent key, unless a condition Null says that it must be there.
        """
        tests = [test.lower() for test, name in self.conditions if name.lower() == variable.lower()]
        return any(
            _strict(test) and (not test.startswith("forallvalues:") or "null" in tests) for test in tests
        )

    def tests_if_present(self, variable: str) -> bool:
        """Return whether a condition requires the variable's value where a request has the key."""
        return any(
            name.lower() == variable.lower() and _strict(test.lower().removesuffix("ifexists"))
            for test, name in self.conditions
        )

    def tests_dynamically(self, variable: str) -> bool:
        """Return whether a dynamic condition compares the variable, by its name or through its loop."""
        return any(
            name.lower() == variable.lower() or (_ITERATOR.match(name) and variable in when)
            for when, name in self.dynamic_conditions
        )


def texts(value: Any) -> Iterator[str]:
    """Yield all strings within a value."""
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
    """Return the first AWS-managed policy named in a value that grants whole services, or None."""
    for text in texts(value):
        match = _BROAD.search(text)
        if match:
            return match[1]
    return None


def is_reference(text: str) -> bool:
    """Return whether a string is an expression that checkov did not evaluate."""
    return bool(_REFERENCE.match(text.strip()))


def plain(text: str) -> str:
    """Return an expression without the surrounding ``${}``."""
    text = text.strip()
    return text[2:-1].strip() if text.startswith("${") and text.endswith("}") else text


def policies(conf: dict[str, Any]) -> Iterator[Any]:
    """Yield the policies that a resource contains, including inline policies, unparsed."""
    for name in POLICY_ATTRIBUTES:
        for value in conf.get(name) or []:
            if value not in (None, ""):
                yield value
    for block in conf.get("inline_policy") or []:
        if isinstance(block, dict):
            yield from policies(block)


def as_json(policy: Any) -> dict[str, Any] | None:
    """Return a policy as a dictionary, or None if it is not JSON."""
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return None
    return policy if isinstance(policy, dict) else None


def readable(policy: Any) -> bool:
    """Return whether the other checks can parse a policy: JSON, or a reference to a policy document."""
    return as_json(policy) is not None or (isinstance(policy, str) and bool(_DOCUMENT.match(plain(policy))))


def unreadable_attachments(conf: dict[str, Any]) -> list[str]:
    """Return the attached policies whose names are known only at plan time."""
    attached = [text for name in ATTACHMENT_ATTRIBUTES for text in texts(conf.get(name))]
    return [
        text
        for text in attached
        if not _ATTACHABLE.match(plain(text))
        and (is_reference(text) or "${each." in text or "${var." in text)
    ]


def of_json(policy: dict[str, Any]) -> list[TerraformStatement]:
    """Return the statements of a JSON policy."""
    blocks = policy.get("Statement", [])
    return [_json_statement(block) for block in _list(blocks) if isinstance(block, dict)]


def of_document(conf: dict[str, Any]) -> list[TerraformStatement]:
    """Return the statements of an ``aws_iam_policy_document``, including dynamic blocks."""
    blocks = [block for block in _list(conf.get("statement")) if isinstance(block, dict)]
    for dynamic in _list(conf.get("dynamic")):
        if isinstance(dynamic, dict) and isinstance(dynamic.get("statement"), dict):
            blocks += [
                block for block in _list(dynamic["statement"].get("content")) if isinstance(block, dict)
            ]
    return [_document_statement(block) for block in blocks]


def merged(conf: dict[str, Any]) -> list[Any]:
    """Return the policies that a policy document merges."""
    names = ("source_policy_documents", "override_policy_documents", "source_json", "override_json")
    return [text for name in names for text in texts(conf.get(name))]


def _strict(test: str) -> bool:
    """Return whether a condition operator fails when its key is absent from a request."""
    return not test.lower().endswith("ifexists") and "not" not in test.lower() and test.lower() != "null"


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _flat(value: Any) -> list[str]:
    return list(texts(value))


def _given(values: Any) -> bool:
    """Return whether a condition has values; checkov turns "true" into a truth value."""
    return any(map(_given, values)) if isinstance(values, list) else values is not None


def _keys(value: Any) -> list[str]:
    """Return the keys of the maps that a loop goes through."""
    if isinstance(value, list):
        return [key for inner in value for key in _keys(inner)]
    return [str(key) for key in value] if isinstance(value, dict) else []


def _actions(value: Any) -> list[str] | None:
    actions = _flat(value)
    return None if any(is_reference(action) for action in actions) else actions


def _json_statement(block: dict[str, Any]) -> TerraformStatement:
    principal = block.get("Principal", {})
    if isinstance(principal, str):
        principal = {"AWS": principal}
    condition = block.get("Condition", {})
    return TerraformStatement(
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
            if _given(values)
        ],
    )


def _document_statement(block: dict[str, Any]) -> TerraformStatement:
    dynamic_conditions = []
    for dynamic in _list(block.get("dynamic")):
        condition = dynamic.get("condition") if isinstance(dynamic, dict) else None
        if isinstance(condition, dict):
            when = " ".join([*_flat(condition.get("for_each")), *_keys(condition.get("for_each"))])
            for content in _list(condition.get("content")):
                if isinstance(content, dict) and _strict(" ".join(_flat(content.get("test")))):
                    dynamic_conditions += [(when, name) for name in _flat(content.get("variable"))]
    return TerraformStatement(
        effect=(_flat(block.get("effect")) or ["Allow"])[0],
        actions=_actions(block.get("actions")),
        not_actions=bool(_flat(block.get("not_actions"))),
        resources=_flat(block.get("resources")),
        not_resources=bool(_flat(block.get("not_resources"))),
        principals=[
            ((_flat(principal.get("type")) or [""])[0], name)
            for principal in _list(block.get("principals"))
            if isinstance(principal, dict)
            for name in _flat(principal.get("identifiers"))
        ],
        conditions=[
            ((_flat(condition.get("test")) or [""])[0], (_flat(condition.get("variable")) or [""])[0])
            for condition in _list(block.get("condition"))
            if isinstance(condition, dict) and _given(condition.get("values"))
        ],
        dynamic_conditions=dynamic_conditions,
    )
