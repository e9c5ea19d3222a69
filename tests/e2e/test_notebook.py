"""The notebook on a real stack: every cell runs, with the notebook role's rights and no other."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest

from kennel import notebook
from kennel.aws import session, trials

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def as_notebook(deployed: Any) -> dict[str, str]:
    """Return credentials of a role with the notebook role's own policy, which the operator may assume."""
    iam, sts = session.client("iam"), session.client("sts")
    name = deployed.stack["roles"]["notebook"].split("/")[-1]
    policy = iam.get_role_policy(RoleName=name, PolicyName="notebook")["PolicyDocument"]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRole",
                "Principal": {"AWS": f"arn:aws:iam::{deployed.stack['account_id']}:root"},
            }
        ],
    }
    role = iam.create_role(RoleName="as-notebook", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName="as-notebook", PolicyName="notebook", PolicyDocument=json.dumps(policy))
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="SageMaker")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": answer["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": answer["SecretAccessKey"],
        "AWS_SESSION_TOKEN": answer["SessionToken"],
    }


def test_every_cell_runs_with_the_notebooks_rights(
    deployed: Any, as_notebook: dict[str, str], tmp_path: Any
) -> None:
    settings = notebook.Settings(dataset="tiny", trials=3, epochs=6)
    lines: list[str] = []
    notebook.prepare(deployed.workspace, deployed.stack, settings, lines.append)
    source = deployed.workspace.root / "notebooks" / "train_and_deploy.ipynb"
    target = tmp_path / "executed.ipynb"
    variables = {**settings.environment(deployed.workspace, deployed.stack), **as_notebook}

    record = notebook.execute(source, target, variables, progress=lines.append)

    executed = nbformat.read(target, as_version=4)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, record["cells"] + 1))
    shown = {cell["id"]: cell.outputs for cell in code}
    pictures = [
        name for name, outputs in shown.items() if any("image/png" in o.get("data", {}) for o in outputs)
    ]
    assert {"photos", "counts", "curves", "confusion", "answers"} <= set(pictures)
    assert trials.left(deployed.stack) == []
    assert lines[-1].startswith(f"cell {len(code)} of {len(code)}: ")
