"""Shell exports with which ``aws``, boto3 and ``terraform`` use the same cloud and stack as the tasks."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from kennel.aws import session
from kennel.aws.infrastructure import stack, state_bucket
from kennel.aws.session import Workspace

# Unset, because they would take precedence over the exported credentials or mix with them.
CONFLICTING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def variables(cloud: dict[str, str], workspace: Workspace, terraform: bool = True) -> dict[str, str]:
    """Return the environment variables for a shell.

    Parameters
    ----------
    cloud
        The variables that direct SDKs to the cloud.
    workspace
        The workspace of the tasks.
    terraform
        Whether with the variables for ``terraform plan`` in ``terraform/``: any other root refuses their
        backend, variable files and data folder.
    """
    kennel = {"KENNEL_ENV": workspace.environment, "KENNEL_WORKSPACE": str(workspace.build)}
    if not terraform:
        return {**{name: value for name, value in cloud.items() if not name.startswith("TF_")}, **kennel}
    os.environ.update(cloud)
    backend = [f"-backend-config={name}={value}" for name, value in state_bucket.backend(workspace).items()]
    mirror = session.provider_mirror()
    plugins = [f"-plugin-dir={mirror}"] if mirror else []
    files = shlex.join(f"-var-file={path}" for path in stack.variable_files(workspace))
    return {
        **cloud,
        **kennel,
        "TF_VAR_region": session.region(),
        "TF_DATA_DIR": str(workspace.build / "terraform"),
        "TF_CLI_ARGS_init": shlex.join(["-reconfigure", *backend, *plugins]),
        "TF_CLI_ARGS_plan": files,
        "TF_CLI_ARGS_apply": files,
        "TF_CLI_ARGS_destroy": files,
    }


def exports(values: dict[str, str], modules: Path) -> str:
    """Return shell commands for ``eval``.

    Parameters
    ----------
    values
        The variables that they set.
    modules
        A folder that they add to Python's path: the plugin of the AWS SDK is in it.
    """
    lines = [f"unset {' '.join(CONFLICTING)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    lines.append(f"export PYTHONPATH={shlex.quote(str(modules))}${{PYTHONPATH:+:$PYTHONPATH}}")
    return "\n".join(lines)
