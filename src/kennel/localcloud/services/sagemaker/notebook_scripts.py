"""The scripts of notebook instances' lifecycle configurations: checked, and not run.

They are written for root of an Amazon Linux of their own: here they would change this machine.
https://docs.aws.amazon.com/sagemaker/latest/dg/notebook-lifecycle-config.html
"""

from __future__ import annotations

import base64
import binascii
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from kennel.localcloud.dispatch.call import Call
from kennel.localcloud.protocol.messages import AwsError
from kennel.localcloud.runtime.logs import LogStream
from kennel.localcloud.runtime.role_session import role_session
from kennel.localcloud.services.sagemaker.execution_role import SERVICE

HOOKS = ("OnCreate", "OnStart")
LOG_GROUP = "/aws/sagemaker/NotebookInstances"
# Characters of a script in base64: NotebookInstanceLifecycleConfigContent in SageMaker's API reference.
LIMIT = 16384
CHECK_SECONDS = 10.0
SHELL = re.compile(rb"#!\s*/\S*/(?:env\s+)?(?:ba)?sh\b|(?!#!)")  # what a script's first line may be
NOT_RUN = (
    "The local cloud runs no lifecycle scripts, which need root and Amazon Linux: {hook} of {config} was "
    "checked for its syntax only. No Jupyter listens on this notebook instance."
)


def check_scripts(parameters: Mapping[str, Any]) -> None:
    """Refuse scripts that AWS does not take.

    Parameters
    ----------
    parameters
        Of the call that makes or changes a lifecycle configuration.

    Raises
    ------
    AwsError
        ``ValidationException``: one is too long, or not in base64.
    """
    for hook in HOOKS:
        for script in parameters.get(hook) or []:
            content = script.get("Content", "")
            if len(content) > LIMIT:
                raise AwsError(
                    "ValidationException",
                    f"{hook}: a lifecycle script may have {LIMIT} characters in base64, "
                    f"this one has {len(content)}.",
                )
            try:
                base64.b64decode(content, validate=True)
            except binascii.Error as error:
                raise AwsError(
                    "ValidationException", f"{hook}: a lifecycle script must be in base64: {error}."
                ) from error


def start(call: Call, notebook: Any, hooks: Sequence[str]) -> None:
    """Bring a notebook instance to the status that it starts with: Failed if a script cannot run.

    Parameters
    ----------
    call, notebook
        The call that starts it, and moto's record of it.
    hooks
        Which of `HOOKS` AWS would run.
    """
    notebook.failure_reason = None
    configs = call.backend().notebook_instance_lifecycle_configurations
    config = configs.get(notebook.lifecycle_config_name) if notebook.lifecycle_config_name else None
    if config is None:
        return
    scripts = {"OnCreate": config.on_create, "OnStart": config.on_start}
    session = role_session(call.cloud, notebook.role_arn, SERVICE, "SageMaker")
    for hook in hooks:
        for script in scripts[hook] or []:
            problem = _syntax_error(base64.b64decode(script.get("Content", "")))
            stream = LogStream(session, LOG_GROUP, f"{notebook.notebook_instance_name}/LifecycleConfig{hook}")
            stream.write(problem or NOT_RUN.format(hook=hook, config=notebook.lifecycle_config_name))
            stream.close(0)
            if problem:
                notebook.status = "Failed"
                notebook.failure_reason = (
                    f"Notebook Instance Lifecycle Config '{config.arn}' for Notebook Instance "
                    f"'{notebook.arn}' failed: {problem}"
                )
                return


def _syntax_error(script: bytes) -> str:
    """Return what bash refuses of a script, or nothing; a script of another language is not checked."""
    bash = shutil.which("bash")
    if bash is None or not SHELL.match(script):
        return ""
    checked = subprocess.run(
        [bash, "-n"], input=script, capture_output=True, timeout=CHECK_SECONDS, check=False
    )
    return checked.stderr.decode(errors="replace").strip() if checked.returncode else ""
