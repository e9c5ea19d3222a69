"""Deployments that fail: the old release answers, the record names what is live, the next one succeeds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kennel.aws import StackError, session
from kennel.aws.deployment import deployments
from kennel.aws.infrastructure import stack
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release.releases import Release

from . import scaling
from .serving import EVERYTHING, ROOT, Serving, Weight, serving

pytestmark = [pytest.mark.slow, pytest.mark.cloud]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Yield a stack that serves the release of weight 1."""
    with serving(tmp_path_factory.mktemp("serving")) as made:
        yield made


@pytest.fixture(scope="module")
def good(served: Serving) -> list[Release]:
    """Return two releases that work, the first one deployed."""
    made = [served.release(1.0), served.release(2.0)]
    served.deploy(made[0])
    return made


def expected(served: Serving, release: Release, good: list[Release]) -> tuple[str, list[float]]:
    return release.id, Weight(1.0 + good.index(release)).logits(served.photo)


def pair(served: Serving, good: list[Release]) -> tuple[Release, Release]:
    """Return the good release that is live, and the other one."""
    current = served.record.current
    assert current is not None
    old, new = good if good[0].id == current.id else good[::-1]
    return old, new


@contextmanager
def old_answers(
    served: Serving, old: Release, good: list[Release], baking: Release | None = None
) -> Iterator[None]:
    """Send requests during the block; each must be answered by the old release, or by one that bakes."""
    with served.requests() as answers:
        yield
    allowed = [expected(served, release, good) for release in (old, baking) if release]
    assert len(answers) > 3
    assert [answer for answer in answers if answer not in allowed] == []
    assert answers[-1] == expected(served, old, good)


@contextmanager
def untouched(served: Serving, old: Release, good: list[Release]) -> Iterator[None]:
    """Send requests during the block, which must change nothing, and leave nothing but what is deployed."""
    sagemaker, name = session.client("sagemaker"), served.stack["endpoint"]["name"]
    before = sagemaker.describe_endpoint(EndpointName=name), served.record, own(served)
    with old_answers(served, old, good):
        yield
    after = sagemaker.describe_endpoint(EndpointName=name), served.record, own(served)
    assert [sides[0]["LastModifiedTime"] for sides in (before, after)] == [before[0]["LastModifiedTime"]] * 2
    assert after[1:] == before[1:]


def own(served: Serving) -> list[str]:
    """Return the names of all that SageMaker has."""
    sagemaker = session.client("sagemaker")
    return [
        *(endpoint["EndpointName"] for endpoint in sagemaker.list_endpoints()["Endpoints"]),
        *(each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]),
        *(model["ModelName"] for model in sagemaker.list_models()["Models"]),
    ]


def check_record(served: Serving, old: Release) -> None:
    """The record names what is live."""
    current = served.record.current
    assert current is not None
    assert (current.id, served.live()) == (old.id, f"serving-local-deployment-{current.deployment}")


def check_recovered(served: Serving, old: Release, new: Release) -> None:
    """The record names what is live, and the next deployment succeeds; the next test has the other one."""
    check_record(served, old)
    done = served.deploy(new)
    assert (done["release"], done["previous"], done["proof"]["photos"]) == (new.id, old.id, 3)


@contextmanager
def without(action: str) -> Iterator[None]:
    """Act with the credentials of a role that may do anything but one action."""
    iam, sts = session.client("iam"), session.client("sts")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    denied = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [EVERYTHING, denied]}
    role = iam.create_role(
        RoleName="denied", AssumeRolePolicyDocument=json.dumps({**document, "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="denied", PolicyName="denied", PolicyDocument=json.dumps(document))
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="deploy")["Credentials"]
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TF_REATTACH_PROVIDERS", raising=False)  # the shared process acts as the operator
        patch.setenv("AWS_ACCESS_KEY_ID", credentials["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", credentials["SecretAccessKey"])
        patch.setenv("AWS_SESSION_TOKEN", credentials["SessionToken"])
        yield


def in_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[StackError]]:
    """Start work in a thread; its error is in the list when it has ended."""
    errors: list[StackError] = []

    def run() -> None:
        try:
            work()
        except StackError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, errors


def test_a_first_deployment_that_fails_leaves_nothing_and_the_next_succeeds(served: Serving) -> None:
    with pytest.raises(StackError, match=r"(?s)^deployment 1 .* failed: .*is removed again$"):
        served.deploy(served.release(9.0, fault="these weights are for another network"))

    record = served.record
    assert (record.deployment, record.current, record.previous) == (1, None, None)
    assert session.client("sagemaker").list_endpoints()["Endpoints"] == []
    assert session.client("sagemaker").list_models()["Models"] == []


def test_a_model_that_does_not_load(served: Serving, good: list[Release]) -> None:
    old, _ = pair(served, good)
    broken = served.release(8.0, fault="these weights are for another network")

    with untouched(served, old, good), pytest.raises(StackError) as caught:
        served.deploy(broken, proof_before=True)

    assert str(caught.value).startswith(
        f"{broken.id} failed its proof before it had any traffic: serving-local-proof failed: "
    )
    assert "these weights are for another network" in str(caught.value)
    assert str(caught.value).endswith(f"serving-local-classifier serves {old.id} as before")


def test_a_model_that_answers_wrongly(served: Serving, good: list[Release]) -> None:
    old, _ = pair(served, good)
    wrong = served.release(7.0, packaged=7.5)

    with untouched(served, old, good), pytest.raises(StackError) as caught:
        served.deploy(wrong, proof_before=True)

    assert "golden photo 0.png differs by 6.21 " in str(caught.value)
    assert str(caught.value).endswith(f"serves {old.id} as before")


def test_a_proof_before_traffic_that_is_killed_and_one_that_succeeds(
    served: Serving, good: list[Release]
) -> None:
    old, new = pair(served, good)
    sagemaker, live = session.client("sagemaker"), served.live()

    with untouched(served, old, good):
        served.killed(new, at="kennel.aws.deployment.proof.compare", proof_before=True)

        left = sagemaker.describe_endpoint(EndpointName="serving-local-proof")
        assert left["EndpointStatus"] == "InService"
        check_same_settings("serving-local-proof", live)
        done = served.deploy(old)

    assert done["found"][0] == "serving-local-proof was left by a proof, and is deleted"
    assert done["proof_before_traffic"] is None, "it is deployed already"
    deployed = own(served)

    done = served.deploy(new, proof_before=True)

    assert done["proof_before_traffic"]["photos"] == done["proof"]["photos"] == 3
    assert done["found"] == []
    assert not {"serving-local-proof"} & {*own(served), *deployed}


def check_same_settings(proof: str, live: str) -> None:
    """A proof endpoint's model and configuration have the settings of those that Terraform makes."""
    sagemaker = session.client("sagemaker")
    models = [sagemaker.describe_model(ModelName=name) for name in (proof, live)]
    configurations = [sagemaker.describe_endpoint_config(EndpointConfigName=name) for name in (proof, live)]
    variants = [configuration["ProductionVariants"][0] for configuration in configurations]
    for each, members in (
        (models, ("ExecutionRoleArn", "EnableNetworkIsolation", "VpcConfig")),
        ([model["PrimaryContainer"] for model in models], ("Environment", "Image")),
        (configurations, ("KmsKeyId",)),
        (
            variants,
            (
                "ContainerStartupHealthCheckTimeoutInSeconds",
                "InferenceAmiVersion",
                "InitialInstanceCount",
                "InstanceType",
                "VariantName",
            ),
        ),
    ):
        assert [each[0].get(member) for member in members] == [each[1].get(member) for member in members]


def test_an_alarm_while_a_canary_bakes(served: Serving, good: list[Release]) -> None:
    old, new = pair(served, good)
    served.scale(2)
    cloudwatch, alarm = session.client("cloudwatch"), "serving-local-endpoint-errors"

    with old_answers(served, old, good, baking=new):
        deploying, errors = in_thread(lambda: served.deploy(new))
        served.until("Baking", deploying)
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
        deploying.join()
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test")

    assert "SageMaker went back" in str(errors[0])
    assert f"went into ALARM state: {alarm}" in str(errors[0])
    check_recovered(served, old, new)
    endpoint = session.client("sagemaker").describe_endpoint(EndpointName=served.stack["endpoint"]["name"])
    policy = endpoint["LastDeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert (policy["Type"], policy["CanarySize"]["Value"]) == ("CANARY", 1), "two instances can have one"
    served.scale(1)


def test_an_update_that_is_refused(served: Serving, good: list[Release]) -> None:
    old, new = pair(served, good)

    with (
        old_answers(served, old, good),
        without("sagemaker:UpdateEndpoint"),
        pytest.raises(StackError, match="sagemaker:UpdateEndpoint"),
    ):
        served.deploy(new)

    check_record(served, old)  # that the next one succeeds, the next test shows


def test_a_deployment_killed_between_the_record_and_the_apply(served: Serving, good: list[Release]) -> None:
    old, new = pair(served, good)
    number = served.record.deployment + 1

    with old_answers(served, old, good):
        served.killed(new, at="kennel.aws.infrastructure.unfinished.noted")

        assert served.record.deployment == number
        assert served.record.current is not None
        assert served.record.current.id == new.id, "the killed deployment has written it"
        done = served.deploy(old)

    assert done["found"] == [
        f"deployment {number} is recorded, but is not live; the record returns to deployment "
        f"{done['deployment']}"
    ]
    check_recovered(served, old, new)


def test_a_deployment_killed_after_the_apply(served: Serving, good: list[Release]) -> None:
    _, new = pair(served, good)

    served.killed(new, at="kennel.aws.deployment.live_endpoint.require")
    with old_answers(served, new, good):
        done = served.deploy(new)

    assert done["found"] == [f"deployment {done['deployment']} ({new.id}) is live, and answers as it should"]
    check_record(served, new)  # that the next one succeeds, the next test shows


def test_a_roll_back_restores_the_logits_and_creates_nothing(served: Serving, good: list[Release]) -> None:
    old, new = pair(served, good)
    served.scale(2)
    answer, changes = served.answer(), list[Any]()

    def while_it_runs(_: Any) -> None:
        with pytest.raises(StackError, match=rf"^deploy {new.id} by .* holds local since"):
            served.deploy(old)

    deployments.deploy(served.workspace, served.stack, new.id, review=while_it_runs, proof_before=False)

    assert served.answer() == expected(served, new, good)
    assert served.instances() == 2, "what a scaling has added survives a release"

    done = deployments.rollback(served.workspace, served.stack, review=changes.append)

    assert done["release"] == old.id
    assert served.answer() == answer == expected(served, old, good)
    assert served.instances() == 2, "and a roll-back"
    assert changes[0].resources == ["update module.endpoint[0].aws_sagemaker_endpoint.this"]
    assert (changes[0].add, changes[0].remove) == (0, 0)
    assert stack.plan(served.workspace).empty
    served.scale(1)


def test_another_instance_type_is_a_new_deployment_and_replaces_the_scalable_target(
    served: Serving, good: list[Release]
) -> None:
    old, _ = pair(served, good)
    settings = {"endpoint": {**served.stack["endpoint"], "instance_type": "ml.c5.large"}}
    changes: list[Any] = []

    done = deployments.deploy(
        served.workspace,
        Stack(served.stack.outputs | settings),
        old.id,
        review=changes.append,
        proof_before=False,
    )

    assert done["release"] == old.id
    assert "replace module.autoscaling[0].aws_appautoscaling_target.this" in changes[0].resources
    config = session.client("sagemaker").describe_endpoint_config(EndpointConfigName=served.live())
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    client = session.client("application-autoscaling")
    assert len(client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]) == 1
    assert len(client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]) == 1


def test_a_plan_that_changes_more_than_the_release_stops(served: Serving, good: list[Release]) -> None:
    old, new = pair(served, good)
    current = served.record.current
    served.set(retention_days=14)

    with pytest.raises(StackError, match=r"the release: update aws_cloudwatch_log_group\.other; see them"):
        served.deploy(new, proof_before=True)
    assert served.record.current == current

    assert served.answer() == expected(served, old, good)


def test_load_takes_the_endpoint_from_one_instance_to_three_and_back(
    served: Serving, good: list[Release]
) -> None:
    scaling.advance(5 * scaling.MINUTE)  # past the requests of other tests, which alarms would count
    served.set(invocations_per_instance=20, retention_days=7)
    stack.apply(served.workspace)
    variant = scaling.Scaled(served.stack["endpoint"]["name"], "AllTraffic", served.photo)
    with scaling.driven():
        assert (variant.instances(), variant.activities()) == (1, [])

        out = variant.minutes(50, lambda: bool(variant.activities()), most=4)
        assert out == 3, "the high alarm looks at three minutes"
        assert variant.alarms() == {"High": "ALARM", "Low": "OK"}
        variant.minutes(1, lambda: variant.instances() == 3, most=5)

        calm = variant.minutes(10, lambda: variant.instances() == 1, most=30, moving=True)
        assert calm >= 14, "the low alarm looks at fifteen minutes"
        assert len(variant.answers) > 250
        assert len(set(variant.answers)) == 1, "no request failed, and each was answered alike"
        activities = variant.activities()

    assert activities[0]["Description"] == "Setting desired instance count to 3."
    assert activities[-1]["Description"] == "Setting desired instance count to 1."
    assert {each["StatusCode"] for each in activities} == {"Successful"}
    for activity, alarm in ((activities[0], "AlarmHigh"), (activities[-1], "AlarmLow")):
        assert f"TargetTracking-{variant.resource}-{alarm}" in activity["Cause"]
    assert stack.plan(served.workspace).empty


def test_somebody_elses_terraform_for_scaling_acts_unchanged(
    served: Serving, good: list[Release], tmp_path: Path
) -> None:
    current = served.record.current
    assert current is not None
    variables = {
        "image": current.image,
        "model_data_url": current.model_data_url,
        "role_arn": session.client("iam").get_role(RoleName="serving")["Role"]["Arn"],
    }
    terraform = Terraform(tmp_path, ROOT / "tests" / "e2e" / "strangers_scaling", variables)
    terraform.run("apply", "-auto-approve")
    try:
        variant = scaling.Scaled("example-endpoint", "variant-1", served.photo)
        with scaling.driven():
            busy = variant.minutes(40, lambda: alarm_state("example-endpoint-busy") == "ALARM", most=3)
            assert busy == 2
            variant.minutes(40, lambda: variant.instances() == 2, most=6)
            variant.minutes(1, lambda: variant.instances() == 1, most=30)
            assert alarm_state("example-endpoint-busy") == "OK"
        assert terraform.run("plan", "-detailed-exitcode") == 0, "also what scaling changes is no drift"
    finally:
        terraform.run("destroy", "-auto-approve")


def alarm_state(name: str) -> str:
    (alarm,) = session.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


class Terraform:
    """Plain Terraform on a folder of configuration, as somebody without Kennel runs it."""

    def __init__(self, folder: Path, source: Path, variables: dict[str, str]) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True)
        self._folder, self._variables = folder, {f"TF_VAR_{name}": text for name, text in variables.items()}
        mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
        self.run("init", *([f"-plugin-dir={mirror}"] if mirror else []))

    def run(self, *arguments: str) -> int:
        """Run a command; 2 is a plan that is not empty."""
        command = [os.environ.get("KENNEL_TERRAFORM") or "terraform", *arguments, "-no-color"]
        environment = {**os.environ, **self._variables, "TF_IN_AUTOMATION": "true"}
        done = subprocess.run(
            command, cwd=self._folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 2), done.stderr[-2000:]
        return done.returncode
