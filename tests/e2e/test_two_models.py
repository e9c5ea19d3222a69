"""One function answers for two models in turn, and reports a missing permission and its own failure."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from kennel.audit.access import analysis, exceptions, recorded, roles
from kennel.aws import StackError, prediction, predictions
from kennel.aws.infrastructure import stack
from kennel.localcloud import lifecycle, redecision
from kennel.localcloud.connection import read_status
from kennel.playground.answers import DeployedClassifier

from .pipeline_denials import Attempts

pytestmark = [pytest.mark.slow, pytest.mark.cloud]

EXCEPTIONS = Path(__file__).resolve().parents[2] / "policies" / "access_exceptions.toml"


@pytest.fixture(scope="module")
def two_answers(deployed):
    """Train, deploy and ask two models, one after the other; return both answers and the models' own."""
    answers = []
    for seed, runtime in ((1, "openvino-int8"), (2, "openvino")):
        job = deployed.train(seed=seed, epochs=3)
        release = deployed.deploy(job["job"], runtime)
        ask = {"workspace": deployed.workspace, "stack": deployed.stack, "photo": deployed.photo}
        answers.append(
            {
                "release": release,
                "function": prediction.predict(**ask, via="function"),
                "url": prediction.predict(**ask, via="url"),
                "endpoint": prediction.predict(**ask, via="endpoint"),
                "model": prediction.predict(**ask, via="model"),
            }
        )
    return answers


def test_two_models_give_two_answers_through_the_same_function(two_answers) -> None:
    first, second = two_answers

    assert first["release"] != second["release"]
    assert first["function"].status_code == second["function"].status_code == 200
    assert len(first["function"].logits) == 6
    assert first["function"].logits != pytest.approx(second["function"].logits, abs=1e-3)


def test_function_url_endpoint_and_model_agree(two_answers) -> None:
    for answer in two_answers:
        for via in ("function", "url", "endpoint"):
            assert answer[via].logits == pytest.approx(answer["model"].logits, abs=1e-4)


def test_a_folder_is_predicted_photo_by_photo(deployed, two_answers, tmp_path: Path) -> None:
    photo = Path(deployed.photo).read_bytes()
    for name, content in (("a.jpg", photo), ("b.jpg", photo[:500]), ("c.jpg", photo)):
        (tmp_path / name).write_bytes(content)
    names = predictions.expand([str(tmp_path)])

    results = list(
        predictions.predict(
            deployed.workspace, deployed.stack, names, via="function", top=2, progress=lambda line: None
        )
    )

    assert [Path(result.photo).name for result in results] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [bool(result.problem) for result in results] == [False, True, False]
    assert results[0].answer.logits == pytest.approx(two_answers[1]["function"].logits, abs=1e-4)


def test_the_function_names_the_release_that_answered(two_answers) -> None:
    for answer in two_answers:
        for via in ("function", "url"):
            assert answer[via].headers["X-Kennel-Release"] == answer["release"]


@pytest.mark.parametrize("via", ["function", "endpoint", "model"])
def test_the_playground_names_what_answered(deployed, two_answers, via: str) -> None:
    answer = DeployedClassifier(deployed.workspace, via)(Path(deployed.photo).read_bytes())

    assert answer.error is None
    assert [row["breed"] for row in answer.top] == [row["breed"] for row in two_answers[1]["model"].top]
    assert answer.served_by["release"] == two_answers[1]["release"]
    assert ("variant" in answer.served_by) == (via != "model")


def test_the_plan_is_empty_with_a_release_and_writes_nothing(deployed, two_answers) -> None:
    changes, _ = deployed.planned()

    assert changes.empty


def test_the_pipelines_roles_have_no_permission_without_a_use(deployed, two_answers, client) -> None:
    recording = recorded.of_audit_log(audit_log_of(deployed))
    of_stack = roles.read(roles.fetch(client("iam")), deployed.stack["name"])
    pipelines = [role for role in of_stack if role.name in str(deployed.stack["delivery"]["roles"])]
    assert len(pipelines) == 2

    access = analysis.analyse(recording, pipelines, exceptions.read(EXCEPTIONS), redecision.allows)

    assert all(role.calls for role in access.roles)
    assert [str(finding) for finding in access.findings if finding.kind != "denied"] == []


def test_a_killed_local_cloud_comes_up_with_the_same_release(deployed, two_answers, client) -> None:
    directory = deployed.workspace.build.parent / "cloud"
    running = lifecycle.status(directory)
    sagemaker, logs = client("sagemaker"), client("logs")
    jobs = [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    of_a_job = {"logGroupName": "/aws/sagemaker/TrainingJobs", "logStreamNamePrefix": jobs[0]}
    lines = logs.filter_log_events(**of_a_job)["events"]
    assert len(jobs) >= 2
    assert lines
    until(lambda: not read_status(lifecycle.environment(running))["unsaved_changes"])
    os.kill(running.pid, signal.SIGKILL)
    until(lambda: lifecycle.status(directory).pid is None)

    again = lifecycle.up(directory)

    assert again.endpoint_url == running.endpoint_url
    ask = {"workspace": deployed.workspace, "stack": deployed.stack, "photo": deployed.photo}
    assert prediction.predict(**ask).logits == pytest.approx(two_answers[1]["function"].logits, abs=1e-4)
    assert stack.plan(deployed.workspace).empty
    kept = [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    assert kept == jobs
    assert logs.filter_log_events(**of_a_job)["events"] == lines


@contextmanager
def policy_of_the_function(deployed, client: Callable, change: Callable[[dict], None]) -> Iterator[None]:
    """Change the function's role's own policy for a moment."""
    iam = client("iam")
    role = deployed.stack["roles"]["function"].split("/")[-1]
    (name,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    changed = json.loads(json.dumps(before))
    change(changed)
    assert changed != before
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(changed))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(before))


def without_invoke(document: dict) -> None:
    document["Statement"] = [
        statement
        for statement in document["Statement"]
        if "sagemaker:InvokeEndpoint" not in str(statement["Action"])
    ]


def on_another_endpoint(document: dict) -> None:
    for statement in document["Statement"]:
        if "sagemaker:InvokeEndpoint" in str(statement["Action"]):
            statement["Resource"] = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/another"


@pytest.mark.parametrize("change", [without_invoke, on_another_endpoint])
def test_a_function_without_its_grant_is_denied_without_naming_resources(
    deployed, two_answers, client, change
) -> None:
    with policy_of_the_function(deployed, client, change):
        answer = prediction.predict(deployed.workspace, deployed.stack, deployed.photo)

    assert 500 <= answer.status_code < 600
    assert answer.logits == []
    text = json.dumps(answer.error)
    for leak in ("Traceback", "arn:aws", "assumed-role", "InvokeEndpoint"):
        assert leak not in text
    denied = [entry for entry in audit_log(deployed) if entry["decision"] == "deny"]
    assert denied[-1]["action"] == "sagemaker:InvokeEndpoint"
    assert prediction.predict(deployed.workspace, deployed.stack, deployed.photo).status_code == 200


def audit_log_of(deployed) -> Path:
    return deployed.workspace.build.parent / "cloud" / "audit-log.jsonl"


def audit_log(deployed) -> list[dict]:
    return [json.loads(line) for line in audit_log_of(deployed).read_text().splitlines()]


def test_the_pipeline_rolls_back_in_the_role_that_deploys(deployed, two_answers) -> None:
    assert deployed.rollback() == two_answers[0]["release"]

    answer = prediction.predict(deployed.workspace, deployed.stack, deployed.photo)
    assert answer.logits == two_answers[0]["function"].logits


def test_a_function_that_fails_is_an_error_not_an_answer(deployed, two_answers, client) -> None:
    name, alias = deployed.stack["function"]["name"], deployed.stack["function"]["alias"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as zipped:
        zipped.writestr(
            "app.py", "def handler(event, context):\n    raise RuntimeError('rewritten to fail')\n"
        )
    aws_lambda = client("lambda")
    before = aws_lambda.get_alias(FunctionName=name, Name=alias)["FunctionVersion"]
    broken = aws_lambda.update_function_code(FunctionName=name, ZipFile=code.getvalue(), Publish=True)
    aws_lambda.update_alias(FunctionName=name, Name=alias, FunctionVersion=broken["Version"])
    try:
        with pytest.raises(StackError, match="RuntimeError: rewritten to fail"):
            prediction.predict(deployed.workspace, deployed.stack, deployed.photo)
    finally:  # as Terraform left it: another version would be a change in the next plan
        aws_lambda.update_alias(FunctionName=name, Name=alias, FunctionVersion=before)
        aws_lambda.delete_function(FunctionName=name, Qualifier=broken["Version"])
        package = Path(stack.build(deployed.workspace)["function_package"])
        aws_lambda.update_function_code(FunctionName=name, ZipFile=package.read_bytes())
    assert prediction.predict(deployed.workspace, deployed.stack, deployed.photo).status_code == 200


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_is_no_photo_is_refused_with_the_models_words(deployed, two_answers, client) -> None:
    event = {"image": base64.b64encode(b"not a photo at all").decode()}
    function = deployed.stack["function"]

    response = client("lambda").invoke(
        FunctionName=function["name"], Qualifier=function["alias"], Payload=json.dumps(event)
    )

    assert "FunctionError" not in response
    answer = json.loads(response["Payload"].read())
    assert 400 <= answer["statusCode"] < 500
    assert json.loads(answer["body"])["error"]
    assert "Traceback" not in answer["body"]


@pytest.mark.parametrize("role", ["deploy", "plan"])
def test_a_role_of_the_pipeline_may_do_nothing_else(deployed, two_answers, role: str) -> None:
    attempts = Attempts(deployed.workspace, deployed.stack)
    refused = {}
    with deployed.acting_as(role):
        calls = attempts.of_plan() if role == "plan" else attempts.of_either()
        for name, call in calls.items():
            with pytest.raises(ClientError) as caught:
                call()
            refused[name] = caught.value.response["Error"]["Message"]

    assert len(refused) >= 16
    session = f"assumed-role/{deployed.stack['delivery']['roles'][role]['arn'].split('/')[-1]}/kennel-{role}"
    for name, message in refused.items():
        assert f"{session} is not authorized to perform: {name.strip()} on resource" in message
