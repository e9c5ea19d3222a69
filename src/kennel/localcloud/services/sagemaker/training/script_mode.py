"""Script mode: the older training contract, as the `sagemaker-training` toolkit inside the images fulfils it.

The hyperparameters `sagemaker_program` and `sagemaker_submit_directory` name the script and its archive in
S3; the toolkit unpacks it to `/opt/ml/code`, describes the job in `SM_*` variables, and passes the other
hyperparameters as arguments.
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Hyperparameters of the toolkit itself begin so; a tuner adds one with a leading underscore.
TOOLKIT_PREFIX = "sagemaker_"
TUNING_OBJECTIVE = "_tuning_objective_metric"


def decoded(hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    """Return hyperparameters as values: the SDK encodes them as JSON, a tuner's choices are plain text."""
    values = {}
    for name, text in hyperparameters.items():
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    return values


def arguments(values: Mapping[str, Any]) -> list[str]:
    """Return the script's command line: `--name value`, sorted, a mapping as `k=v,…`, as the toolkit does."""
    words: list[str] = []
    for name in sorted(values):
        value = values[name]
        text = (
            ",".join(f"{k}={v}" for k, v in sorted(value.items())) if isinstance(value, dict) else str(value)
        )
        words += [f"--{name}" if len(name) > 1 else f"-{name}", text]
    return words


def users_own(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters that are the script's."""
    return {n: v for n, v in values.items() if not n.startswith(TOOLKIT_PREFIX) and n != TUNING_OBJECTIVE}


def environment(
    root: Path,
    job_name: str,
    values: Mapping[str, Any],
    resources: Mapping[str, Any],
    channels: Mapping[str, Any],
) -> dict[str, str]:
    """Return the `SM_*` variables.

    Parameters
    ----------
    root : Path
        The host's `/opt/ml`.
    job_name : str
        The training job.
    values : mapping
        Decoded hyperparameters.
    resources, channels : mapping
        The contents of `resourceconfig.json` and `inputdataconfig.json`.
    """
    own = users_own(values)
    program = str(values.get("sagemaker_program", ""))
    folders = {name: str(root / "input/data" / name) for name in channels}
    training_environment: dict[str, Any] = {
        "channel_input_dirs": folders,
        "current_host": resources["current_host"],
        "current_instance_type": resources["current_instance_type"],
        "hosts": list(resources["hosts"]),
        "hyperparameters": own,
        "input_config_dir": str(root / "input/config"),
        "input_data_config": dict(channels),
        "input_dir": str(root / "input"),
        "job_name": job_name,
        "log_level": int(values.get("sagemaker_container_log_level", 20)),
        "model_dir": str(root / "model"),
        "module_dir": str(values.get("sagemaker_submit_directory", "")),
        "module_name": program.removesuffix(".py"),
        "network_interface_name": resources["network_interface_name"],
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "output_data_dir": str(root / "output/data"),
        "output_dir": str(root / "output"),
        "resource_config": dict(resources),
        "user_entry_point": program,
    }
    variables = {
        f"SM_{name.upper()}": value
        for name, value in training_environment.items()
        if name != "hyperparameters"
    }
    variables.pop("SM_CHANNEL_INPUT_DIRS")
    variables |= {f"SM_CHANNEL_{name.upper()}": folder for name, folder in folders.items()}
    variables |= {f"SM_HP_{name.upper()}": value for name, value in own.items()}
    variables |= {
        "SM_CHANNELS": sorted(folders),
        "SM_HPS": own,
        "SM_TRAINING_ENV": training_environment,
        "SM_USER_ARGS": arguments(own),
    }
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in variables.items()}


def command(values: Mapping[str, Any], python: str) -> list[str]:
    """Return the command that runs the script, with its arguments, in the folder of the code."""
    program = str(values["sagemaker_program"])
    return [python if program.endswith(".py") else "/bin/sh", program, *arguments(users_own(values))]
