"""A stack that sleeps: what is gone and stays gone, what it costs, and that its release comes back.

The table of environments in docs/cost.md is written by
``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest -n 1 tests/e2e/test_sleeping.py -k dollars``.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from kennel.aws import StackError, prediction
from kennel.aws.deployment import deployment_record, deployments, sleeping
from kennel.aws.infrastructure import hypothetical, stack
from kennel.aws.session import Workspace
from kennel.capacity.cost import bill, plan, usage
from kennel.capacity.cost.bill import Bill

pytestmark = [pytest.mark.slow, pytest.mark.cloud]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "cost.md"
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))
TABLE = re.compile(r"(<!-- environments: .*? -->\n)(.*?)(<!-- end of environments -->)", re.DOTALL)
HEAD = "| dollars a month | fixed | by use | together | at most |\n|---|---|---|---|---|"
STATES = [(name, asleep) for name in ("local", "prod", "dev") for asleep in (False, True)]


@pytest.fixture
def live(deployed) -> None:
    """Have a release deployed: other tests of this stack leave one, alone this deploys one."""
    if deployment_record.read(deployed.stack).current is None:
        deployed.deploy(deployed.train(seed=1, epochs=3)["job"])


def test_a_stack_sleeps_and_wakes_with_the_same_release(deployed, live, client) -> None:
    workspace, photo = deployed.workspace, deployed.photo
    answer = prediction.predict(workspace, deployed.stack, photo)
    record = deployment_record.read(deployed.stack)
    notebook, host = deployed.stack["notebook"]["name"], deployed.stack["training_host"]["instance_id"]
    shown: list[tuple[bool, list[str]]] = []

    def change(of: Callable[..., dict]) -> dict:
        document = of(
            workspace,
            stack.outputs(workspace),
            lambda changes, names: shown.append((changes.empty, names)),
            lambda line: None,
        )
        deployed._outputs = None
        return document

    def states() -> tuple[str, str]:
        (reservation,) = client("ec2").describe_instances(InstanceIds=[host])["Reservations"]
        described = client("sagemaker").describe_notebook_instance(NotebookInstanceName=notebook)
        return described["NotebookInstanceStatus"], reservation["Instances"][0]["State"]["Name"]

    before = states()
    asleep = change(sleeping.sleep)

    assert (asleep["asleep"], asleep["release"]) == (True, record.current.id)
    assert states() == ("Stopped", "stopped")
    assert client("sagemaker").list_endpoints()["Endpoints"] == []
    endpoints = client("ec2").describe_vpc_endpoints()["VpcEndpoints"]
    there = [each["VpcEndpointType"] for each in endpoints if each["State"] != "deleted"]
    assert there == ["Gateway"]
    function = deployed.stack["function"]["name"]
    configurations = client("lambda").list_provisioned_concurrency_configs(FunctionName=function)
    assert configurations["ProvisionedConcurrencyConfigs"] == []
    for refused in (
        lambda: prediction.predict(workspace, deployed.stack, photo),
        lambda: deployments.deploy(workspace, deployed.stack, record.current.id),
    ):
        with pytest.raises(StackError, match=r"kennel-local is asleep: run \./kennel stack\.wake"):
            refused()
    assert prediction.predict(workspace, deployed.stack, photo, via="model").status_code == 200
    event = {"image": base64.b64encode(Path(photo).read_bytes()).decode()}
    assert prediction.invoke_function(deployed.stack, event)[0] == 503
    # Whoever plans now, with the task or by hand, leaves it asleep.
    assert change(sleeping.sleep)["workbenches"] == []
    assert shown[-1] == (True, [])

    awake = change(sleeping.wake)

    assert (awake["asleep"], awake["release"], awake["proof"]["photos"]) == (False, record.current.id, 3)
    assert awake["workbenches"] == asleep["workbenches"]
    assert states() == before
    assert deployment_record.read(deployed.stack) == record
    assert prediction.predict(workspace, deployed.stack, photo).logits == answer.logits
    changes, document = stack.plan_with_document(workspace)
    assert changes.empty
    now, later = (of(document) for of in (plan.present, plan.planned))
    bills = [bill.of(each, usage.read("local"), "us-east-1") for each in (now, later)]
    assert bills[0].total == pytest.approx(bills[1].total)
    assert bills[1].total > 100
    named = {line.resource for line in bills[1].lines} | set(bills[1].free)
    assert {resource.address for resource in later.managed} <= named
    assert bills[1].unclassified == {}


def bill_of(environment: str, asleep: bool, build: Path) -> Bill:
    """Return the bill of an environment with a release, as `./kennel cost` calculates it."""
    document = hypothetical.plan(Workspace(environment, build), asleep=asleep)
    return bill.of(plan.planned(document), usage.read(environment, asleep=asleep), "us-east-1")


def test_dev_asleep_costs_less_than_15_dollars_a_month(deployed, tmp_path: Path) -> None:
    """The other rows are calculated only when the page is written: each takes a plan."""
    page = PAGE.read_text(encoding="utf-8")
    rows = {}
    for environment, asleep in STATES if WRITE else [("dev", True)]:
        found = bill_of(environment, asleep, tmp_path / environment)
        assert found.unclassified == {}
        month = (found.fixed, found.by_use, found.total, found.most)
        name = f"{environment}, asleep" if asleep else environment
        rows[environment, asleep] = f"| {name} | {' | '.join(f'{amount:.2f}' for amount in month)} |"
    written = TABLE.sub(lambda match: match[1] + "\n".join([HEAD, *rows.values(), ""]) + match[3], page)
    if WRITE:
        PAGE.write_text(written, encoding="utf-8")

    assert found.unknown == {}, "the last one is dev asleep"
    assert 5 < found.total < 15
    assert found.most == pytest.approx(found.total), "nothing is left that scales"
    assert rows["dev", True] in PAGE.read_text(encoding="utf-8").splitlines()
