"""Athena's workgroups are kept as Terraform's provider makes, changes and deletes them."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Client

ARN = f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/"
MISSING = "WorkGroup nowhere is not found."


def test_a_workgroup_is_made_changed_and_deleted(client: Client) -> None:
    athena = client("athena")
    result = {
        "OutputLocation": "s3://results/here/",
        "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"},
    }
    configuration = {"ResultConfiguration": result, "BytesScannedCutoffPerQuery": 20_000_000}
    athena.create_work_group(Name="reports", Description="daily", Configuration=configuration)
    with pytest.raises(ClientError, match="WorkGroup is already created"):
        athena.create_work_group(Name="reports")
    group = athena.get_work_group(WorkGroup="reports")["WorkGroup"]
    assert group["Configuration"].items() >= configuration.items()
    assert group["Configuration"]["EngineVersion"] == {
        "SelectedEngineVersion": "AUTO",
        "EffectiveEngineVersion": "Athena engine version 3",
    }
    assert athena.get_work_group(WorkGroup="reports")["WorkGroup"] == group  # also when it was made
    athena.update_work_group(
        WorkGroup="reports",
        State="DISABLED",
        ConfigurationUpdates={
            "ResultConfigurationUpdates": {
                "OutputLocation": "s3://results/there/",
                "RemoveEncryptionConfiguration": True,
            },
            "PublishCloudWatchMetricsEnabled": True,
            "RemoveBytesScannedCutoffPerQuery": True,
        },
    )
    changed = athena.get_work_group(WorkGroup="reports")["WorkGroup"]
    assert (changed["State"], changed["Description"]) == ("DISABLED", "daily")
    assert changed["Configuration"]["ResultConfiguration"] == {"OutputLocation": "s3://results/there/"}
    assert changed["Configuration"]["PublishCloudWatchMetricsEnabled"] is True
    assert "BytesScannedCutoffPerQuery" not in changed["Configuration"]
    listed = {each["Name"]: each for each in athena.list_work_groups()["WorkGroups"]}
    assert listed.keys() >= {"primary", "reports"}
    assert listed["reports"]["CreationTime"] == group["CreationTime"]
    query = {"Name": "all", "Database": "default", "QueryString": "SELECT 1", "WorkGroup": "reports"}
    athena.create_named_query(**query)
    with pytest.raises(ClientError, match="WorkGroup reports is not empty"):
        athena.delete_work_group(WorkGroup="reports")
    athena.delete_work_group(WorkGroup="reports", RecursiveDeleteOption=True)
    for call in (athena.get_work_group, athena.update_work_group, athena.delete_work_group):
        with pytest.raises(ClientError, match=MISSING):
            call(WorkGroup="nowhere")


def test_a_workgroup_has_tags_or_none_and_no_engine_that_would_run_notebooks(client: Client) -> None:
    athena = client("athena")
    athena.create_work_group(Name="bare")
    configuration = athena.get_work_group(WorkGroup="bare")["WorkGroup"]["Configuration"]
    defaults = ("EnforceWorkGroupConfiguration", "PublishCloudWatchMetricsEnabled", "RequesterPaysEnabled")
    assert [configuration[name] for name in defaults] == [True, True, False]
    assert athena.list_tags_for_resource(ResourceARN=f"{ARN}bare")["Tags"] == []
    tags = [{"Key": "team", "Value": "data"}]
    athena.create_work_group(Name="tagged", Tags=tags)
    assert athena.list_tags_for_resource(ResourceARN=f"{ARN}tagged")["Tags"] == tags
    with pytest.raises(ClientError, match="Does Not Exist"):
        athena.list_tags_for_resource(ResourceARN=f"{ARN}nowhere")
    spark = {"EngineVersion": {"SelectedEngineVersion": "PySpark engine version 3"}}
    with pytest.raises(ClientError, match="local cloud has no engine 'PySpark engine version 3'"):
        athena.create_work_group(Name="notebooks", Configuration=spark)
    with pytest.raises(ClientError, match="primary WorkGroup cannot be deleted"):
        athena.delete_work_group(WorkGroup="primary")
