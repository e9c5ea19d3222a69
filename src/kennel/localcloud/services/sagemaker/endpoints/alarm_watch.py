"""The alarms that roll an update back, read with the endpoint's own role."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.runtime.role_session import error_text, role_session
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import SERVICE, SESSION

log = logging.getLogger(__name__)


class RollbackRequiredError(Exception):
    """An update must be rolled back; the text is the endpoint's FailureReason."""


class Watch(Protocol):
    """What is asked again and again while an update is under way."""

    def check(self) -> None:
        """Return if the update may go on.

        Raises
        ------
        RollbackRequiredError
            It may not.
        """


class AlarmWatch:
    """The alarms of an AutoRollbackConfiguration.

    SageMaker reads them with the execution role, which therefore needs ``cloudwatch:DescribeAlarms``
    (https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html). AWS does not
    publish the words of its failure reasons; these are the local cloud's own.

    Parameters
    ----------
    cloud, role
        The local cloud, and the ARN of the execution role.
    names
        The alarms; without any, nothing is asked.
    """

    def __init__(self, cloud: Cloud, role: str, names: Sequence[str]) -> None:
        self._cloud, self._role, self._names = cloud, role, list(names)

    def check(self) -> None:
        """Ask CloudWatch for the alarms' states.

        Raises
        ------
        RollbackRequiredError
            The role may not, an alarm does not exist, or one is in ALARM.
        """
        if not self._names:
            return
        quoted = ", ".join(self._names)
        try:
            client = role_session(self._cloud, self._role, SERVICE, SESSION).client("cloudwatch")
            described = client.describe_alarms(
                AlarmNames=self._names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except (ClientError, ServiceException) as error:
            raise RollbackRequiredError(
                f"Unable to describe the alarms of the auto-rollback configuration ({quoted}). Please ensure "
                f'that the role "{self._role}" has permission to perform cloudwatch:DescribeAlarms on them. '
                f"{error_text(error)}"
            ) from error
        except BotoCoreError as error:  # no response from this very machine: it is asked again
            log.warning("the alarms of a deployment could not be read: %s", error)
            return
        states = {
            alarm["AlarmName"]: alarm["StateValue"]
            for alarm in [*described["MetricAlarms"], *described["CompositeAlarms"]]
        }
        missing = [name for name in self._names if name not in states]
        if missing:
            raise RollbackRequiredError(
                f"The alarms of the auto-rollback configuration could not be found: {', '.join(missing)}."
            )
        tripped = [name for name in self._names if states[name] == "ALARM"]
        if tripped:
            raise RollbackRequiredError(
                f"One or more alarms of the auto-rollback configuration went into ALARM state: "
                f"{', '.join(tripped)}. The deployment was rolled back."
            )
