"""Spot capacity: managed spot training jobs run on it, and it is reclaimed on request.

AWS reclaims it at any time. Here a test, or a person who wants to see a job resume, sends
``POST /_kennel/spot/reclaim?job=NAME&notice=2``, signed as docs/local-cloud.md shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import admin_action
from kennel.localcloud.protocol.messages import Response
from kennel.localcloud.services.sagemaker.training.api import training_jobs

# AWS gives two minutes: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
# The default here is shorter, as a rehearsal's jobs are shorter.
NOTICE, LONGEST_NOTICE = 2.0, 120.0  # seconds


@admin_action("spot/reclaim")
def reclaim(cloud: Cloud, query: Mapping[str, str]) -> Response:
    """Reclaim the hosts of a managed spot training job.

    Its processes get SIGTERM, SIGKILL when the notice is over; then it starts again on new hosts, with the
    checkpoints that S3 has.

    Parameters
    ----------
    cloud
        The local cloud.
    query
        ``job``, the training job's name; ``notice``, seconds (0: SIGKILL at once, and nothing more is
        copied to S3).
    """
    name = query.get("job", "")
    job = training_jobs(cloud).get(name)
    try:
        notice = float(query.get("notice") or NOTICE)
    except ValueError:
        notice = math.nan
    if not 0 <= notice <= LONGEST_NOTICE:
        return _response(400, f"notice is a number of seconds from 0 to {LONGEST_NOTICE:.0f}")
    if job is None:
        return _response(404, f"there is no training job {name!r} here")
    if not job.spot:
        return _response(409, f"{name} is no managed spot training job: EnableManagedSpotTraining is not set")
    state = job.record.moto.secondary_status
    if state != "Training":
        return _response(409, f"{name} has no running hosts to reclaim: it is {state}")
    job.reclaim(notice)
    return _response(200, f"the hosts of {name} end in {notice:g} s")


def _response(status: int, message: str) -> Response:
    document = {"ok": status == 200, "message": message}
    return Response(status, [("Content-Type", "application/json")], json.dumps(document).encode())
