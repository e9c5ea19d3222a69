"""Script mode: the older training contract, as the `sagemaker-training` toolkit inside the images fulfils it.

The hyperparameters `sagemaker_program` and `sagemaker_submit_directory` name the script and its archive in
S3; the toolkit unpacks it to `/opt/ml/code`, describes the job in `SM_*` variables, and passes the other
hyperparameters as arguments.
https://github.com/aws/sagemaker-training-toolkit/blob/master/ENVIRONMENT_VARIABLES.md
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kennel.localcloud.services.sagemaker.training.container_files import NETWORK_INTERFACE

# Hyperparameters of the toolkit itself begin so; a tuner adds one with a leading underscore.
TOOLKIT_PREFIX = "sagemaker_"
TORCH_DISTRIBUTED = "sagemaker_torch_distributed_enabled"
# What starts a script's processes in the images and is not here: MPI, SageMaker's own, parameter servers.
LAUNCHERS = (
    "sagemaker_mpi_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_instance_groups",
)
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
        "additional_framework_parameters": {n: v for n, v in values.items() if n.startswith(TOOLKIT_PREFIX)},
        "channel_input_dirs": folders,
        "current_host": resources["current_host"],
        "current_instance_group": resources["current_group_name"],
        "current_instance_group_hosts": list(resources["hosts"]),
        "current_instance_type": resources["current_instance_type"],
        "distribution_hosts": list(resources["hosts"]),
        "distribution_instance_groups": [],
        "hosts": list(resources["hosts"]),
        "hyperparameters": own,
        "input_config_dir": str(root / "input/config"),
        "input_data_config": dict(channels),
        "input_dir": str(root / "input"),
        "instance_groups": [group["instance_group_name"] for group in resources["instance_groups"]],
        "instance_groups_dict": {
            group["instance_group_name"]: group for group in resources["instance_groups"]
        },
        "is_hetero": False,
        "is_master": resources["current_host"] == resources["hosts"][0],
        "is_modelparallel_enabled": None,
        "job_name": job_name,
        "log_level": int(values.get("sagemaker_container_log_level", 20)),
        "master_hostname": resources["hosts"][0],
        "model_dir": str(root / "model"),
        "module_dir": str(values.get("sagemaker_submit_directory", "")),
        "module_name": program.removesuffix(".py"),
        "network_interface_name": resources["network_interface_name"],
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": 0,
        "num_neurons": 0,
        "output_data_dir": str(root / "output/data"),
        "output_dir": str(root / "output"),
        "output_intermediate_dir": str(root / "output/intermediate"),
        "resource_config": dict(resources),
        "user_entry_point": program,
    }
    left_out = ("additional_framework_parameters", "channel_input_dirs", "hyperparameters", "job_name")
    variables = {
        f"SM_{name.upper()}": value
        for name, value in training_environment.items()
        if name not in (*left_out, "is_master", "master_hostname", "is_modelparallel_enabled")
    }
    variables |= {f"SM_CHANNEL_{name.upper()}": folder for name, folder in folders.items()}
    variables |= {f"SM_HP_{name.upper()}": value for name, value in own.items()}
    variables |= {
        "SM_CHANNELS": sorted(folders),
        "SM_FRAMEWORK_PARAMS": training_environment["additional_framework_parameters"],
        "SM_HPS": own,
        "SM_TRAINING_ENV": training_environment,
        "SM_USER_ARGS": arguments(own),
        "PYTHONPATH": str(root / "code"),
    }
    return {name: v if isinstance(v, str) else json.dumps(v) for name, v in variables.items()}


def rendezvous(port: int) -> dict[str, str]:
    """Return where the processes of a PyTorch job find the first host, as its images say it.

    On AWS the address is the first host's name and the port 7777; here all hosts are on this machine.
    https://github.com/aws/sagemaker-pytorch-training-toolkit
    """
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "NCCL_SOCKET_IFNAME": NETWORK_INTERFACE,
        "NCCL_IB_DISABLE": "1",
        "SM_FRAMEWORK_MODULE": "sagemaker_pytorch_container.training:main",
    }


def launcher(values: Mapping[str, Any], index: int, hosts: int, port: int) -> list[str]:
    """Return the module with its arguments that starts the script's processes; empty for the script alone.

    Parameters
    ----------
    values
        Decoded hyperparameters: ``sagemaker_torch_distributed_enabled`` asks for torchrun.
    index, hosts
        Which host it is, from 0, of how many.
    port
        The port on which the first host waits for the others.
    """
    if not values.get(TORCH_DISTRIBUTED):
        return []
    options = {"nnodes": hosts, "nproc_per_node": 1, "node_rank": index, "master_port": port}
    words = [f"--{name}={value}" for name, value in options.items()]
    return ["torch.distributed.run", *words, "--master_addr=127.0.0.1"]


def unsupported(values: Mapping[str, Any]) -> list[str]:
    """Return the hyperparameters of the toolkit that ask for a launcher which the local cloud has not."""
    return [name for name in LAUNCHERS if values.get(name)]


def command(
    values: Mapping[str, Any], python: str, launcher: Sequence[str] = (), package: bool = False
) -> list[str]:
    """Return the command that runs the script, with its arguments, in the folder of the code.

    Parameters
    ----------
    values
        Decoded hyperparameters.
    python
        The program that runs Python.
    launcher
        The module, with its arguments, that starts the script.
    package
        Whether the code is an installed package with a ``setup.py``: its module runs then.
    """
    program, words = str(values["sagemaker_program"]), arguments(users_own(values))
    if program.endswith(".sh") or not (package or program.endswith(".py")):
        return ["/bin/sh", "-c", 'chmod +x "./$0" && exec "./$0" "$@"', program, *words]
    run = ["-m", program.removesuffix(".py").replace("/", ".")] if package else [program]
    return [python, *(["-m", *launcher] if launcher else []), *run, *words]
