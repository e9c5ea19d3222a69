"""Script mode's contract: hyperparameters become arguments and SM_* variables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kennel.localcloud.services.sagemaker.training import script_mode

GIVEN = {
    "sagemaker_program": '"train.py"',
    "sagemaker_submit_directory": '"s3://b/sourcedir.tar.gz"',
    "_tuning_objective_metric": "loss",
    "arch": '"resnet50"',  # the SDK's: encoded as JSON
    "batch-size": "64",
    "optimiser": "adam",  # a tuner's categorical choice: bare
    "pretrained": "true",
    "sizes": "[1, 2]",
    "e": "3",
}
RESOURCES = {
    "current_host": "algo-2",
    "current_instance_type": "ml.m5.large",
    "hosts": ["algo-1", "algo-2"],
    "current_group_name": "homogeneousCluster",
    "instance_groups": [{"instance_group_name": "homogeneousCluster", "hosts": ["algo-1", "algo-2"]}],
    "network_interface_name": "lo",
}


def test_quotes_are_decoded_and_bare_words_kept() -> None:
    values = script_mode.decoded(GIVEN)
    assert (values["arch"], values["batch-size"], values["optimiser"]) == ("resnet50", 64, "adam")


def test_the_command_line_has_the_users_own_only() -> None:
    own = script_mode.users_own(script_mode.decoded(GIVEN))
    assert script_mode.arguments(own) == [
        *("--arch", "resnet50", "--batch-size", "64", "-e", "3", "--optimiser", "adam"),
        *("--pretrained", "True", "--sizes", "[1, 2]"),
    ]


def test_the_environment_describes_the_job(tmp_path: Path) -> None:
    channels = {"training": {"TrainingInputMode": "File"}}
    values = script_mode.decoded(GIVEN)
    variables = script_mode.environment(tmp_path, "job", values, RESOURCES, channels)
    assert all(isinstance(value, str) for value in variables.values())
    assert variables["SM_CHANNEL_TRAINING"] == str(tmp_path / "input/data/training")
    assert variables["SM_MODEL_DIR"] == str(tmp_path / "model")
    assert variables["SM_OUTPUT_DATA_DIR"] == str(tmp_path / "output/data")
    assert variables["SM_CURRENT_HOST"] == "algo-2"
    assert json.loads(variables["SM_HOSTS"]) == ["algo-1", "algo-2"]
    assert json.loads(variables["SM_HPS"])["batch-size"] == 64
    assert variables["SM_HP_BATCH-SIZE"] == "64"  # as the toolkit spells it
    assert json.loads(variables["SM_TRAINING_ENV"])["hyperparameters"]["arch"] == "resnet50"
    assert not [name for name in variables if "SAGEMAKER_PROGRAM" in name]
    # https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
    assert variables["SM_CURRENT_INSTANCE_GROUP"] == "homogeneousCluster"
    assert json.loads(variables["SM_CURRENT_INSTANCE_GROUP_HOSTS"]) == ["algo-1", "algo-2"]
    assert json.loads(variables["SM_IS_HETERO"]) is False
    assert json.loads(variables["SM_FRAMEWORK_PARAMS"])["sagemaker_program"] == "train.py"
    assert json.loads(variables["SM_TRAINING_ENV"])["is_master"] is False
    assert variables["SM_OUTPUT_INTERMEDIATE_DIR"] == str(tmp_path / "output/intermediate")


def test_an_argument_with_spaces_stays_one() -> None:
    values = {"sagemaker_program": "train.py", "note": "two words; rm -rf x"}
    command = script_mode.command(values, "python")
    assert command == ["python", "train.py", "--note", "two words; rm -rf x"]


@pytest.mark.parametrize(
    ("program", "package", "expected"),
    [
        ("src/train.py", False, ["python", "src/train.py", "-e", "3"]),
        ("train.py", True, ["python", "-m", "train", "-e", "3"]),
        ("train.sh", True, ["/bin/sh", "-c", 'chmod +x "./$0" && exec "./$0" "$@"', "train.sh", "-e", "3"]),
    ],
)
def test_the_entry_point_is_run_as_the_toolkit_runs_it(
    program: str, package: bool, expected: list[str]
) -> None:
    values = {"sagemaker_program": program, "e": 3}
    assert script_mode.command(values, "python", package=package) == expected


def test_torchrun_starts_the_script_where_it_is_asked_for() -> None:
    values = {"sagemaker_program": "train.py", "sagemaker_torch_distributed_enabled": True}
    launcher = script_mode.launcher(values, index=1, hosts=2, port=4242)
    assert script_mode.command(values, "python", launcher) == [
        *("python", "-m", "torch.distributed.run", "--nnodes=2", "--nproc_per_node=1", "--node_rank=1"),
        *("--master_port=4242", "--master_addr=127.0.0.1", "train.py"),
    ]
    assert script_mode.launcher({"sagemaker_program": "train.py"}, 0, 2, 4242) == []
