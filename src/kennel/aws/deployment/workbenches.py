"""The notebook and the training host as machines that run or are stopped; their volumes outlive a stop."""

from __future__ import annotations

from collections.abc import Collection

from kennel.aws import Progress, StackError, session
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.training import hosts

NOTEBOOK, HOST = "notebook", "training_host"  # the names of Terraform's outputs
NOTEBOOK_STATUSES = ("InService", "Pending", "Updating")
HOST_STATES = ("pending", "running")
WAIT = {"Delay": 5, "MaxAttempts": 120}


def running(stack: Stack) -> list[str]:
    """Return which workbenches run, or are about to.

    Raises
    ------
    StackError
        The training host has something to do: stopping it would end a training.
    """
    names = []
    notebook, host = stack.outputs.get(NOTEBOOK), stack.outputs.get(HOST)
    if notebook:
        described = session.client("sagemaker").describe_notebook_instance(
            NotebookInstanceName=notebook["name"]
        )
        names += [NOTEBOOK] if described["NotebookInstanceStatus"] in NOTEBOOK_STATUSES else []
    if host and hosts.state_of(host["instance_id"]) in HOST_STATES:
        if commands := hosts.running_commands(host["instance_id"]):
            raise StackError(
                f"{len(commands)} command(s) run on the training host {host['instance_id']}: wait for the end"
            )
        names.append(HOST)
    return names


def stop(stack: Stack, names: Collection[str], report: Progress) -> None:
    """Stop workbenches that run, and return when they are stopped: until then they are billed."""
    sagemaker, ec2 = session.client("sagemaker"), session.client("ec2")
    if HOST in names:
        instance = stack[HOST]["instance_id"]
        report(f"stopping {instance}")
        ec2.stop_instances(InstanceIds=[instance])
    if NOTEBOOK in names:
        notebook = stack[NOTEBOOK]["name"]
        report(f"stopping {notebook}")
        sagemaker.get_waiter("notebook_instance_in_service").wait(
            NotebookInstanceName=notebook, WaiterConfig=WAIT
        )
        sagemaker.stop_notebook_instance(NotebookInstanceName=notebook)
        sagemaker.get_waiter("notebook_instance_stopped").wait(
            NotebookInstanceName=notebook, WaiterConfig=WAIT
        )
    if HOST in names:
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[stack[HOST]["instance_id"]], WaiterConfig=WAIT)


def start(stack: Stack, names: Collection[str], report: Progress) -> list[str]:
    """Start workbenches that are stopped, without waiting for them; return which were started."""
    started = []
    notebook, host = stack.outputs.get(NOTEBOOK), stack.outputs.get(HOST)
    if NOTEBOOK in names and notebook:
        sagemaker = session.client("sagemaker")
        status = sagemaker.describe_notebook_instance(NotebookInstanceName=notebook["name"])
        if status["NotebookInstanceStatus"] == "Stopped":
            report(f"starting {notebook['name']}")
            sagemaker.start_notebook_instance(NotebookInstanceName=notebook["name"])
            started.append(NOTEBOOK)
    if HOST in names and host and hosts.state_of(host["instance_id"]) == "stopped":
        report(f"starting {host['instance_id']}")
        session.client("ec2").start_instances(InstanceIds=[host["instance_id"]])
        started.append(HOST)
    return started
