"""The notebook on a real stack: every cell runs with its role's rights, and the role ships nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import nbformat
import pytest
from botocore.exceptions import ClientError

from kennel import notebook
from kennel.aws import platforms, session
from kennel.aws.deployment import trials
from kennel.aws.release import candidates, releases

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


@pytest.fixture(scope="module")
def executed(
    deployed: Any, as_notebook: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, dict[str, Any], list[str]]:
    """Execute the notebook with these credentials: the document, the record, and the lines of progress."""
    settings = notebook.Settings(dataset="tiny", trials=3, epochs=6)
    lines: list[str] = []
    notebook.prepare(deployed.workspace, deployed.stack, settings, lines.append)
    source = deployed.workspace.root / "notebooks" / "train_and_deploy.ipynb"
    target = tmp_path_factory.mktemp("notebook") / "executed.ipynb"
    variables = {**settings.environment(deployed.workspace, deployed.stack), **as_notebook}
    record = notebook.execute(source, target, variables, progress=lines.append)
    return nbformat.read(target, as_version=4), record, lines


def client_of(credentials: dict[str, str], name: str) -> Any:
    return boto3.client(
        name,
        endpoint_url=session.endpoint_url(),
        **{key.lower(): value for key, value in credentials.items()},
    )


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """Return the code of the error that a call must end with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_every_cell_runs_with_the_notebooks_rights(
    deployed: Any, executed: tuple[Any, dict[str, Any], list[str]]
) -> None:
    document, record, lines = executed
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, record["cells"] + 1))
    shown = {cell["id"]: cell.outputs for cell in code}
    pictures = [
        name for name, outputs in shown.items() if any("image/png" in o.get("data", {}) for o in outputs)
    ]
    assert {"photos", "counts", "curves", "confusion", "answers"} <= set(pictures)
    assert trials.left(deployed.stack) == []
    assert lines[-1].startswith(f"cell {len(code)} of {len(code)}: ")


def test_its_candidate_becomes_a_release_that_nobody_changes(
    deployed: Any, executed: tuple[Any, dict[str, Any], list[str]], as_notebook: dict[str, str]
) -> None:
    bucket = deployed.stack["artifact_bucket"]
    candidate = releases.everything(bucket, releases.CANDIDATES)[0]
    release = candidates.promote(deployed.workspace, deployed.stack, candidate.id)
    assert (release.id, release.digest) == (candidate.id, candidate.digest)

    key = f"releases/{release.id}/model.tar.gz"
    as_role, as_operator = client_of(as_notebook, "s3"), session.client("s3")
    version = as_operator.head_object(Bucket=bucket, Key=key)["VersionId"]
    for s3 in (as_role, as_operator):
        target = {"Bucket": bucket, "Key": key}
        assert refusal(s3.put_object, **target, Body=b"other") == "AccessDenied"
        assert refusal(s3.copy_object, **target, CopySource=f"{bucket}/{key}") == "AccessDenied"
        assert refusal(s3.delete_object, **target) == "AccessDenied"
        assert refusal(s3.delete_object, **target, VersionId=version) == "AccessDenied"
    assert refusal(as_role.put_object, **target, Body=b"other", IfNoneMatch="*") == "AccessDenied"
    assert refusal(as_operator.put_object, **target, Body=b"other", IfNoneMatch="*") == "PreconditionFailed"
    # Parts are no object yet, so they are accepted; what they would become is refused.
    upload = as_operator.create_multipart_upload(**target)["UploadId"]
    part = as_operator.upload_part(**target, UploadId=upload, PartNumber=1, Body=b"other")
    parts = {"MultipartUpload": {"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]}, "UploadId": upload}
    complete = as_operator.complete_multipart_upload
    assert refusal(complete, **target, **parts) == "AccessDenied"
    assert refusal(complete, **target, **parts, IfNoneMatch="*") == "PreconditionFailed"
    as_operator.abort_multipart_upload(**target, UploadId=upload)
    releases.verify(release)


def test_it_writes_no_code_that_others_run(deployed: Any, as_notebook: dict[str, str]) -> None:
    put = client_of(as_notebook, "s3").put_object
    for key in ("source/kennel.tar.gz", "source/stack.json", "tuning/job/best.json"):
        bucket = deployed.stack["artifact_bucket"]
        assert refusal(put, Bucket=bucket, Key=key, Body=b"x") == "AccessDenied", key


FORBIDDEN: dict[str, dict[str, Any]] = {
    "no network": {"VpcConfig": None},
    "another subnet": {"VpcConfig": {"Subnets": ["subnet-0123456789abcdef0"]}},
    "another security group": {"VpcConfig": {"SecurityGroupIds": ["sg-0123456789abcdef0"]}},
    "a forbidden type": {"ResourceConfig": {"InstanceType": "ml.p4d.24xlarge"}},
    "a forbidden type without a key": {
        "ResourceConfig": {"InstanceType": "ml.p4d.24xlarge", "VolumeKmsKeyId": None}
    },
    "no key": {"ResourceConfig": {"VolumeKmsKeyId": None}},
    "no tag that the budget counts by": {"Tags": None},
    "another stack's tag": {"Tags": [{"Key": "Stack", "Value": "kennel-prod"}]},
}


def changed(parameters: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """Return parameters with some members replaced; None takes a member out."""
    merged = (
        {
            name: changed(value, changes[name]) if isinstance(value, dict) and changes.get(name) else value
            for name, value in parameters.items()
        }
        if changes
        else dict(parameters)
    )
    for name, value in (changes or {}).items():
        if value is None:
            merged.pop(name, None)
        elif not isinstance(value, dict):
            merged[name] = value
    return merged


@pytest.mark.parametrize("case", FORBIDDEN)
def test_jobs_outside_the_network_or_the_allowed_types_are_denied(
    deployed: Any, as_notebook: dict[str, str], case: str
) -> None:
    stack = deployed.stack
    definition: dict[str, Any] = {
        "RoleArn": stack["roles"]["training"],
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "TrainingImage": platforms.training_image(stack, stack["training"]["instance_type"]),
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{stack['artifact_bucket']}/training"},
        "ResourceConfig": {
            "InstanceType": stack["training"]["instance_type"],
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
            "VolumeKmsKeyId": stack["kms_key_arn"],
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        "VpcConfig": {
            "Subnets": stack["training"]["subnet_ids"],
            "SecurityGroupIds": stack["training"]["security_group_ids"],
        },
        "Tags": [{"Key": key, "Value": value} for key, value in stack["tags"].items()],
    }
    refused = changed(definition, FORBIDDEN[case])
    sagemaker, name = client_of(as_notebook, "sagemaker"), f"{stack['name']}-refused"
    assert refusal(sagemaker.create_training_job, TrainingJobName=name, **refused) == "AccessDeniedException"
    tags = {"Tags": refused.pop("Tags")} if "Tags" in refused else {}
    tuning = {
        **tags,
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1},
        },
        "TrainingJobDefinition": refused,
    }
    assert refusal(sagemaker.create_hyper_parameter_tuning_job, **tuning) == "AccessDeniedException"


def test_trial_endpoints_are_isolated_and_on_allowed_types(
    deployed: Any, as_notebook: dict[str, str]
) -> None:
    stack, sagemaker = deployed.stack, client_of(as_notebook, "sagemaker")
    name = f"{stack['name']}-trial-refused"
    container = {"Image": stack["endpoint"]["image"]}
    assert (
        refusal(
            sagemaker.create_model,
            ModelName=name,
            ExecutionRoleArn=stack["roles"]["endpoint"],
            PrimaryContainer=container,
        )
        == "AccessDeniedException"
    )
    variant = {"VariantName": "v", "ModelName": name, "InitialInstanceCount": 1}
    for instance_type, key in (("ml.p4d.24xlarge", stack["kms_key_arn"]), ("ml.m5.large", None)):
        parameters = {
            "EndpointConfigName": name,
            "ProductionVariants": [{**variant, "InstanceType": instance_type}],
            **({"KmsKeyId": key} if key else {}),
        }
        assert refusal(sagemaker.create_endpoint_config, **parameters) == "AccessDeniedException"
