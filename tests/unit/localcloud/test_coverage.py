"""What each service does: the list in `docs/local-cloud.md` is made of the code, and refusals are answers.

To write the list anew:
``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest tests/unit/localcloud/test_coverage.py``
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.session import Session

from kennel.localcloud import services
from kennel.localcloud.dispatch import coverage, registry
from kennel.localcloud.dispatch.request import ApiRequest
from kennel.localcloud.protocol.messages import AwsError

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "local-cloud.md"
BEGIN, END = "<!-- services: generated from the code -->\n", "<!-- end of services -->\n"
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))  # read here: the tests unset such variables
MOTO_NAMES = {"lambda": "awslambda"}
MOST_NAMES = 60  # more of moto's operations are counted by their verbs
VERB = re.compile("[A-Z][a-z]+")


@pytest.fixture(scope="module", autouse=True)
def _registered() -> None:
    services.register()


@cache
def session() -> Session:
    return Session()


def operations(service: str) -> list[str]:
    names: list[str] = session().get_service_model(service).operation_names
    return names


def handled(service: str) -> list[str]:
    refused = {name for each in coverage.refusals if each.service == service for name in each.operations}
    return [
        name for name in operations(service) if registry.handler_of(service, name) and name not in refused
    ]


def answered_by_moto(service: str) -> list[str]:
    """Return the operations that moto has a method for and no handler."""
    from moto.core.responses import BaseResponse

    module = importlib.import_module(f"moto.{MOTO_NAMES.get(service, service.replace('-', ''))}.responses")
    classes = [
        value for value in vars(module).values() if inspect.isclass(value) and issubclass(value, BaseResponse)
    ]
    return [
        name
        for name in operations(service)
        if not registry.handler_of(service, name) and any(hasattr(each, xform_name(name)) for each in classes)
    ]


def listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def counted(names: list[str]) -> str:
    verbs = Counter(match[0] for name in names if (match := VERB.match(name)))
    return f"{len(names)} operations: " + ", ".join(
        f"`{verb}…` {count}" for verb, count in verbs.most_common()
    )


def section(service: str) -> Iterator[str]:
    """Yield the lines of one service."""
    behaviour = coverage.behaviours.get(service, coverage.Behaviour(""))
    yield f"#### {service}"
    yield ""
    acts = handled(service)
    parts = [behaviour.acts, f"handled here: {listed(acts)}" if acts else ""]
    yield f"- acts: {'; '.join(part for part in parts if part)}"
    stored = [] if behaviour.stored else answered_by_moto(service)
    names = listed(stored) if len(stored) <= MOST_NAMES else counted(stored)
    if behaviour.stored or stored:
        yield f"- stored: {behaviour.stored or names}"
    for each in coverage.refusals:
        if each.service == service:
            yield f"- refused: {each.what or listed(list(each.operations))}: {each.remedy}"
    yield ""


def table() -> str:
    """Return what the document has between its marks."""
    acting = set(coverage.behaviours) | {service for service, _ in registry._handlers}
    refused = [each for each in coverage.refusals if each.service not in coverage.behaviours]
    acting -= {each.service for each in refused}
    lines = [line for service in sorted(acting) for line in section(service)]
    lines += ["#### Services whose records are kept, and which run nothing", ""]
    lines += ["| refused | because |", "|---|---|"]
    reasons = dict.fromkeys(each.remedy for each in refused)
    for reason in reasons:
        names = [
            f"{each.service}:{name}" for each in refused if each.remedy == reason for name in each.operations
        ]
        lines.append(f"| {listed(names)} | {reason} |")
    return "\n".join([*lines, ""])


def test_the_documentation_has_the_table_of_the_code() -> None:
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    generated, mark, after = rest.partition(END)
    assert mark, f"{DOCUMENT.name} has no marks for the list"
    if WRITE:
        DOCUMENT.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")
        return
    assert generated.strip() == table().strip(), "write it anew, as this file says"


def test_what_is_refused_exists_on_aws_and_is_answered_with_its_remedy() -> None:
    for each in coverage.refusals:
        for name in each.operations:
            assert name in operations(each.service)
            handler = registry.handler_of(each.service, name)
            call: Any = ApiRequest(each.service, name, principal=None)  # type: ignore[arg-type] # nobody asks who
            with pytest.raises(AwsError, match=re.escape(f"{each.service}:{name}: {each.remedy}")) as refused:
                handler(call)  # type: ignore[misc] # refusals are handlers
            assert refused.value.status == 501
