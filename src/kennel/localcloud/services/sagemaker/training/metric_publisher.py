"""From the lines that a training host prints to metrics in CloudWatch, with the training role's rights."""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core.exceptions import ServiceException

from kennel.localcloud.runtime.role_session import RoleSession
from kennel.localcloud.services.sagemaker.training.metric_scraper import NAMESPACE, MetricScraper

INTERVAL_SECONDS = 1.0
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
LARGEST_BATCH = 1000


class MetricPublisher:
    """Publishes one host's metrics, at most once a second.

    Parameters
    ----------
    session : RoleSession
        The training role's clients.
    scraper : MetricScraper
        The job's: it finds the metrics and keeps their last values.
    host : str
        The value of the metrics' dimension Host.
    """

    def __init__(self, session: RoleSession, scraper: MetricScraper, host: str) -> None:
        self._session, self._scraper, self._host = session, scraper, host
        self._pending: list[dict[str, Any]] = []
        self._published_at = time.monotonic()

    def read(self, line: str) -> None:
        """Take a line's metrics, and publish what is pending if it is time."""
        self._pending += self._scraper.read(line, self._host, self._session.clock.now())
        if self._pending and time.monotonic() - self._published_at > INTERVAL_SECONDS:
            self.publish()

    def publish(self) -> None:
        """Publish what is pending."""
        pending, self._pending = self._pending, []
        self._published_at = time.monotonic()
        for start in range(0, len(pending), LARGEST_BATCH):
            try:
                self._session.client("cloudwatch").put_metric_data(
                    Namespace=NAMESPACE, MetricData=pending[start : start + LARGEST_BATCH]
                )
            except (ClientError, ServiceException, BotoCoreError, OSError):
                # A role without cloudwatch:PutMetricData trains without graphs, as on AWS; the other errors
                # are those of a role that was deleted and of a service that is shutting down.
                return
