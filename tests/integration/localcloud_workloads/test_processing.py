"""Processing jobs run: as the SageMaker SDK's ScriptProcessor creates them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Stage, eventually

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
FINAL = ("Completed", "Failed", "Stopped")
# https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
SCRIPT = """
import json, os, pathlib, sys
if sys.argv[1:] == ["--fail"]:
    pathlib.Path("/opt/ml/output/message").write_text("the photos are of cats")
    sys.exit(3)
host = json.loads(pathlib.Path("/opt/ml/config/resourceconfig.json").read_text())["current_host"]
photos = sorted(path.name for path in pathlib.Path("/opt/ml/processing/input/photos").iterdir())
job = json.loads(pathlib.Path("/opt/ml/config/processingjobconfig.json").read_text())
report = {"photos": photos, "job": job["ProcessingJobName"], "split": os.environ["SPLIT"]}
pathlib.Path(job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["LocalPath"], host + ".json"
    ).write_text(json.dumps(report))
print("counted", len(photos))
"""


class Processing:
    """Creates small jobs and waits for them."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.sagemaker, self.s3 = stage, stage.client("sagemaker"), stage.client("s3")
        self.bucket, self.role = stage.bucket(), stage.role("sagemaker.amazonaws.com")
        self.s3.put_object(Bucket=self.bucket, Key="code/count.py", Body=SCRIPT.encode())
        for name in ("a.jpg", "b.jpg", "c.jpg"):
            self.s3.put_object(Bucket=self.bucket, Key=f"photos/{name}", Body=b"x")

    def create(self, *arguments: str, hosts: int = 1, **changes: Any) -> str:
        def read(name: str, folder: str, distribution: str) -> dict[str, Any]:
            source = {
                "S3Uri": f"s3://{self.bucket}/{folder}",
                "LocalPath": f"/opt/ml/processing/input/{folder}",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
                "S3DataDistributionType": distribution,
                "S3CompressionType": "None",
            }
            return {"InputName": name, "AppManaged": False, "S3Input": source}

        job = f"p-{uuid.uuid4().hex[:8]}"
        output = {"S3Uri": f"s3://{self.bucket}/out/{job}", "S3UploadMode": "EndOfJob"}
        output["LocalPath"] = "/opt/ml/processing/output/report"
        application = {"ImageUri": IMAGE, "ContainerArguments": list(arguments)} if arguments else {}
        application |= {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/count.py"],
        }
        cluster = {"InstanceCount": hosts, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}
        self.sagemaker.create_processing_job(
            **{
                "ProcessingJobName": job,
                "ProcessingInputs": [
                    read("code", "code", "FullyReplicated"),
                    read("photos", "photos", "ShardedByS3Key"),
                ],
                "ProcessingOutputConfig": {
                    "Outputs": [{"OutputName": "report", "AppManaged": False, "S3Output": output}]
                },
                "ProcessingResources": {"ClusterConfig": cluster},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                "AppSpecification": application,
                "Environment": {"SPLIT": "train"},
                "RoleArn": self.role,
                **changes,
            }
        )
        return job

    def end(self, job: str) -> dict[str, Any]:
        def ended() -> Any:
            described = self.sagemaker.describe_processing_job(ProcessingJobName=job)
            return described if described["ProcessingJobStatus"] in FINAL else None

        described: dict[str, Any] = eventually(ended, 60)
        return described


@pytest.fixture(scope="module")
def processing(stage: Stage) -> Processing:
    return Processing(stage)


def test_a_job_reads_its_shares_and_writes_its_output(processing: Processing) -> None:
    job = processing.create(hosts=2)
    described = processing.end(job)
    assert described["ProcessingJobStatus"] == "Completed", described.get("FailureReason")
    assert described["ProcessingStartTime"] <= described["ProcessingEndTime"]
    assert described["Environment"] == {"SPLIT": "train"}
    reports = []
    for host in ("algo-1", "algo-2"):
        body = processing.s3.get_object(Bucket=processing.bucket, Key=f"out/{job}/{host}.json")["Body"]
        reports.append(json.load(body))
    assert [report["photos"] for report in reports] == [["a.jpg", "c.jpg"], ["b.jpg"]]
    assert {(report["job"], report["split"]) for report in reports} == {(job, "train")}
    lines = processing.stage.log_lines("/aws/sagemaker/ProcessingJobs", f"{job}/")
    assert sorted(lines) == ["counted 1", "counted 2"]


def test_a_program_that_fails_fails_the_job_with_its_message(processing: Processing) -> None:
    described = processing.end(processing.create("--fail"))
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["ExitMessage"] == "the photos are of cats"
    assert "the photos are of cats, exit code: 3" in described["FailureReason"]


def test_what_does_not_run_is_refused_by_name(processing: Processing) -> None:
    spark = "173754725891.dkr.ecr.us-east-1.amazonaws.com/sagemaker-spark-processing:3.5"
    application = {"ImageUri": spark, "ContainerEntrypoint": ["smspark-submit"]}
    with pytest.raises(ClientError, match=f"ValidationException.*{spark}"):
        processing.create(AppSpecification=application)
    with pytest.raises(ClientError, match=r"program of the image .* is missing"):
        processing.create(AppSpecification={"ImageUri": IMAGE})
    dataset = [{"InputName": "d", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/d"}}]
    with pytest.raises(ClientError, match="no DatasetDefinition"):
        processing.create(ProcessingInputs=dataset)
