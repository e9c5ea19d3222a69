"""Deliveries of topics and buckets, as the policies of queues, topics and functions let SNS and S3."""

from __future__ import annotations

import logging

from moto.core.exceptions import ServiceException

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.moto_adapter import policy_store
from kennel.localcloud.moto_adapter.deliveries import deliver_what_is_allowed
from kennel.localcloud.policy.evaluate import ResourcePolicy
from kennel.localcloud.services.service_calls import check_service

log = logging.getLogger(__name__)


def check_deliveries(cloud: Cloud) -> None:
    """Check every delivery to a queue, a topic or a function: owning a topic gives no way to all queues."""

    def allowed(service: str, action: str, resource: str, source: str) -> bool:
        policy = policy_store.attached_policy(action.split(":")[0], resource.split(":")[3], [resource])
        try:
            check_service(
                cloud, service, action, resource, source, ResourcePolicy(policy) if policy else None
            )
        except ServiceException as error:
            log.info("not delivered from %s: %s", source, error.message)
            return False
        return True

    deliver_what_is_allowed(allowed)
