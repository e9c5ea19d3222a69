"""SageMaker's control plane: what moto drops, invents, or does not know."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Client, document

IMAGE = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0"
SERVED = f"arn:aws:iam::{ACCOUNT}:role/sagemaker-served"


@pytest.fixture(scope="module", autouse=True)
def served(client: Client) -> None:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    client("iam").create_role(RoleName="sagemaker-served", AssumeRolePolicyDocument=document(trust))


def model(client: Client, name: str, **more: Any) -> dict[str, Any]:
    sagemaker = client("sagemaker")
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=SERVED, PrimaryContainer={"Image": IMAGE}, **more)
    description: dict[str, Any] = sagemaker.describe_model(ModelName=name)
    return description


def test_a_model_keeps_its_isolation_and_its_network(client: Client) -> None:
    ec2 = client("ec2")
    network = {
        "SecurityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        "Subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
    }
    isolated = model(client, "isolated", EnableNetworkIsolation=True, VpcConfig=network)
    assert (isolated["EnableNetworkIsolation"], isolated["VpcConfig"]) == (True, network)
    plain = model(client, "plain")
    assert not plain["EnableNetworkIsolation"]
    assert "VpcConfig" not in plain


def variant(instance_type: str) -> dict[str, Any]:
    return {
        "VariantName": "AllTraffic",
        "ModelName": "configured",
        "InstanceType": instance_type,
        "InitialInstanceCount": 1,
    }


def test_an_endpoint_configuration_takes_current_instance_types_and_no_data_capture(client: Client) -> None:
    model(client, "configured")
    sagemaker = client("sagemaker")
    sagemaker.create_endpoint_config(EndpointConfigName="today", ProductionVariants=[variant("ml.c7i.large")])
    description = sagemaker.describe_endpoint_config(EndpointConfigName="today")
    assert "DataCaptureConfig" not in description
    assert description["ProductionVariants"][0]["InstanceType"] == "ml.c7i.large"
    with pytest.raises(ClientError, match=r"ml\.imagined\.large"):
        sagemaker.create_endpoint_config(
            EndpointConfigName="imagined", ProductionVariants=[variant("ml.imagined.large")]
        )


def test_metrics_of_a_trial_component_have_steps_and_no_feature_store_is_here(client: Client) -> None:
    sagemaker, metrics = client("sagemaker"), client("sagemaker-metrics")
    sagemaker.create_trial_component(TrialComponentName="tried")
    loss: dict[str, Any] = {"MetricName": "loss", "Timestamp": 1_800_000_000, "Value": 0.5}
    with pytest.raises(ClientError, match="give loss a Step"):
        metrics.batch_put_metrics(TrialComponentName="tried", MetricData=[loss])
    put = [{**loss, "Step": step, "Value": value} for step, value in ((1, 0.5), (2, 0.25))]
    assert not metrics.batch_put_metrics(TrialComponentName="tried", MetricData=put).get("Errors")
    (kept,) = sagemaker.describe_trial_component(TrialComponentName="tried")["Metrics"]
    assert (kept["MetricName"], kept["Count"], kept["Last"]) == ("loss", 2, 0.25)
    query = {"MetricName": "loss", "ResourceArn": "arn:c", "MetricStat": "Last", "Period": "OneMinute"}
    with pytest.raises(ClientError, match="BatchGetMetrics: no statistics"):
        metrics.batch_get_metrics(MetricQueries=[{**query, "XAxisType": "Timestamp"}])
    features = client("sagemaker-featurestore-runtime")
    with pytest.raises(ClientError, match="GetRecord: no feature store is here; keep features in S3"):
        features.get_record(FeatureGroupName="f", RecordIdentifierValueAsString="1")


def test_what_is_to_run_in_a_network_that_does_not_exist_is_refused(client: Client) -> None:
    sagemaker, ec2 = client("sagemaker"), client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    for network, missing in (
        ({"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}, "Subnets: subnet-1 does not exist"),
        ({"Subnets": [subnet], "SecurityGroupIds": ["sg-1"]}, "SecurityGroupIds: sg-1 does not exist"),
    ):
        with pytest.raises(ClientError, match=f"ValidationException.*{missing} in us-east-1"):
            sagemaker.create_training_job(
                TrainingJobName="lost",
                RoleArn=SERVED,
                AlgorithmSpecification={
                    "TrainingImage": IMAGE.replace("inference", "training"),
                    "TrainingInputMode": "File",
                    "ContainerEntrypoint": ["true"],
                },
                OutputDataConfig={"S3OutputPath": "s3://b/o"},
                ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
                StoppingCondition={"MaxRuntimeInSeconds": 60},
                VpcConfig=network,
            )
        with pytest.raises(ClientError, match=f"ValidationException.*{missing}"):
            sagemaker.create_processing_job(
                ProcessingJobName="lost",
                RoleArn=SERVED,
                AppSpecification={
                    "ImageUri": IMAGE.replace("inference", "training"),
                    "ContainerEntrypoint": ["true"],
                },
                ProcessingResources={
                    "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
                },
                NetworkConfig={"VpcConfig": network},
            )
        with pytest.raises(ClientError, match=f"ValidationException.*{missing}"):
            model(client, "lost", VpcConfig=network)
        with pytest.raises(ClientError, match=f"ValidationException.*{missing}"):
            sagemaker.create_notebook_instance(
                NotebookInstanceName="lost",
                InstanceType="ml.t3.medium",
                RoleArn=SERVED,
                SubnetId=network["Subnets"][0],
                SecurityGroupIds=network["SecurityGroupIds"],
            )


def test_a_notebook_keeps_its_platform_and_is_updated_when_stopped(client: Client) -> None:
    sagemaker = client("sagemaker")
    script = base64.b64encode(b"#!/bin/bash\n").decode()
    config = "NotebookInstanceLifecycleConfigName"
    sagemaker.create_notebook_instance_lifecycle_config(
        **{config: "setup"}, OnStart=[{"Content": script}], Tags=[{"Key": "a", "Value": "1"}]
    )
    sagemaker.create_notebook_instance(
        NotebookInstanceName="desk",
        InstanceType="ml.t3.medium",
        RoleArn=SERVED,
        LifecycleConfigName="setup",
        PlatformIdentifier="notebook-al2023-v2",
        InstanceMetadataServiceConfiguration={"MinimumInstanceMetadataServiceVersion": "2"},
    )
    notebook = sagemaker.describe_notebook_instance(NotebookInstanceName="desk")
    assert notebook["PlatformIdentifier"] == "notebook-al2023-v2"
    assert notebook["InstanceMetadataServiceConfiguration"]["MinimumInstanceMetadataServiceVersion"] == "2"
    with pytest.raises(ClientError, match="Unable to transition to"):
        sagemaker.update_notebook_instance(NotebookInstanceName="desk", InstanceType="ml.t3.large")
    sagemaker.stop_notebook_instance(NotebookInstanceName="desk")
    sagemaker.update_notebook_instance(
        NotebookInstanceName="desk", InstanceType="ml.t3.large", DisassociateLifecycleConfig=True
    )
    notebook = sagemaker.describe_notebook_instance(NotebookInstanceName="desk")
    assert (notebook["InstanceType"], notebook.get("NotebookInstanceLifecycleConfigName")) == (
        "ml.t3.large",
        None,
    )


def test_a_notebook_whose_lifecycle_script_cannot_run_fails_and_one_that_starts_has_no_address(
    client: Client,
) -> None:
    sagemaker = client("sagemaker")
    wrong, right = (
        base64.b64encode(script).decode() for script in (b"#!/bin/bash\nif true; then", b"exit 0")
    )
    config = {"NotebookInstanceLifecycleConfigName": "scripted"}
    with pytest.raises(ClientError, match="OnCreate: a lifecycle script must be in base64"):
        sagemaker.create_notebook_instance_lifecycle_config(**config, OnCreate=[{"Content": "exit 0"}])
    sagemaker.create_notebook_instance_lifecycle_config(
        **config, OnCreate=[{"Content": right}], OnStart=[{"Content": wrong}]
    )
    sagemaker.create_notebook_instance(
        NotebookInstanceName="scripted",
        InstanceType="ml.t3.medium",
        RoleArn=SERVED,
        LifecycleConfigName="scripted",
    )
    notebook = sagemaker.describe_notebook_instance(NotebookInstanceName="scripted")
    assert notebook["NotebookInstanceStatus"] == "Failed"
    assert re.search(
        r"Lifecycle Config 'arn:.*failed: .*bash: line \d: syntax error", notebook["FailureReason"]
    )
    sagemaker.update_notebook_instance_lifecycle_config(**config, OnStart=[{"Content": right}])
    sagemaker.start_notebook_instance(NotebookInstanceName="scripted")
    notebook = sagemaker.describe_notebook_instance(NotebookInstanceName="scripted")
    assert notebook["NotebookInstanceStatus"] == "InService"
    assert not {"FailureReason", "Url"} & set(notebook)
    with pytest.raises(ClientError, match=r"Status \(InService\) not in"):
        sagemaker.start_notebook_instance(NotebookInstanceName="scripted")
    with pytest.raises(ClientError, match="no Jupyter listens here; run the notebook on this machine"):
        sagemaker.create_presigned_notebook_instance_url(NotebookInstanceName="scripted")
    sagemaker.stop_notebook_instance(NotebookInstanceName="scripted")
    sagemaker.delete_notebook_instance(NotebookInstanceName="scripted")


def test_a_notebook_is_on_amazon_linux_2023(client: Client) -> None:
    sagemaker = client("sagemaker")
    bench = {"NotebookInstanceName": "bench", "InstanceType": "ml.t3.medium", "RoleArn": SERVED}
    with pytest.raises(ClientError, match="no longer supported"):
        sagemaker.create_notebook_instance(**bench, PlatformIdentifier="notebook-al2-v3")
    sagemaker.create_notebook_instance(**bench)
    notebook = sagemaker.describe_notebook_instance(NotebookInstanceName="bench")
    assert notebook["PlatformIdentifier"] == "notebook-al2023-v1"


def test_a_lifecycle_script_may_not_be_too_long(client: Client) -> None:
    content = base64.b64encode(b"#" * 20_000).decode()
    with pytest.raises(ClientError):
        client("sagemaker").create_notebook_instance_lifecycle_config(
            NotebookInstanceLifecycleConfigName="long", OnStart=[{"Content": content}]
        )


def test_tags_of_sagemaker_are_replaced_not_repeated(client: Client) -> None:
    sagemaker = client("sagemaker")
    model(client, "tagged", Tags=[{"Key": "a", "Value": "1"}])
    name = "setup-tagged"
    lifecycle = sagemaker.create_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, Tags=[{"Key": "a", "Value": "1"}]
    )["NotebookInstanceLifecycleConfigArn"]
    for arn in (sagemaker.describe_model(ModelName="tagged")["ModelArn"], lifecycle):
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
        tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
        assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("a", "2"), ("b", "3")]
        sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
        assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["b"]


def process(client: Client, name: str) -> None:
    client("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=SERVED,
        AppSpecification={"ImageUri": "sagemaker-scikit-learn:1.2-1", "ContainerEntrypoint": ["true"]},
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )


def test_processing_jobs_are_listed_in_the_order_and_the_pages_that_are_asked_for(client: Client) -> None:
    sagemaker = client("sagemaker")
    names = [f"listed-{number}" for number in range(4)]
    for name in names:
        process(client, name)
    chosen = {"NameContains": "listed-", "SortBy": "Name", "SortOrder": "Descending", "MaxResults": 3}

    first = sagemaker.list_processing_jobs(**chosen)
    second = sagemaker.list_processing_jobs(**chosen, NextToken=first["NextToken"])

    listed = [
        [job["ProcessingJobName"] for job in page["ProcessingJobSummaries"]] for page in (first, second)
    ]
    assert listed == [names[:0:-1], names[:1]]
    assert "NextToken" not in second
    with pytest.raises(ClientError, match="less than or equal to 100"):
        sagemaker.list_processing_jobs(MaxResults=101)


HOUR = timedelta(hours=1)
BETWEEN = ("CreationTimeAfter", "LastModifiedTimeAfter"), ("CreationTimeBefore", "LastModifiedTimeBefore")


@pytest.mark.parametrize("asked", BETWEEN[0] + BETWEEN[1])
def test_processing_jobs_and_endpoints_are_listed_by_their_times(client: Client, asked: str) -> None:
    sagemaker, name = client("sagemaker"), f"timed-{asked.lower()}"
    model(client, name)
    production = {**variant("ml.c7i.large"), "ModelName": name}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[production])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    process(client, name)
    now = datetime.now(UTC)
    matching, other = (now - HOUR, now + HOUR) if asked in BETWEEN[0] else (now + HOUR, now - HOUR)
    try:
        for time, names in ((matching, [name]), (other, [])):
            filters: dict[str, Any] = {"NameContains": name, asked: time}
            jobs = sagemaker.list_processing_jobs(**filters)["ProcessingJobSummaries"]
            endpoints = sagemaker.list_endpoints(**filters)["Endpoints"]
            assert [job["ProcessingJobName"] for job in jobs] == names
            assert [endpoint["EndpointName"] for endpoint in endpoints] == names
    finally:
        sagemaker.delete_endpoint(EndpointName=name)


def test_a_group_of_the_model_registry_is_deleted_when_it_is_empty(client: Client) -> None:
    sagemaker = client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName="registered")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    specification = {
        "Containers": [container],
        "SupportedContentTypes": ["image/jpeg"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="registered", InferenceSpecification=specification
    )["ModelPackageArn"]

    with pytest.raises(ClientError, match=r"ConflictException.*not empty"):
        sagemaker.delete_model_package_group(ModelPackageGroupName="registered")
    sagemaker.delete_model_package(ModelPackageName=arn)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.delete_model_package(ModelPackageName=arn)
    sagemaker.delete_model_package_group(ModelPackageGroupName="registered")

    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
