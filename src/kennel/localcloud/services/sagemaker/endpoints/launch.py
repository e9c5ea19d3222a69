"""How long an instance takes to be there: on AWS minutes pass before its container starts.

``POST /_kennel/endpoints?launch=180`` sets it for all endpoints; the seconds are those of the clock.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from kennel.localcloud.dispatch.cloud import Cloud, KeptStore
from kennel.localcloud.dispatch.registry import admin_action
from kennel.localcloud.protocol.messages import Response


@dataclass
class Launches(KeptStore):
    """The time between the request for an instance and the start of its model server."""

    everywhere = True

    seconds: float = 0.0


@admin_action("endpoints")
def endpoints(cloud: Cloud, query: Mapping[str, str]) -> Response:
    """Set the time that instances take to launch, and respond with it.

    Parameters
    ----------
    cloud
        The local cloud.
    query
        ``launch``: seconds; instances that launch already keep theirs.
    """
    launches = cloud.store(Launches)
    if "launch" in query:
        try:
            seconds = float(query["launch"])
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            text = f"launch is a number of seconds from 0 on; {query['launch']!r} is none\n"
            return Response(400, [("Content-Type", "text/plain; charset=utf-8")], text.encode())
        launches.seconds = seconds
        cloud.changes.note()
    document = {"launch": launches.seconds}
    return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())


def launch_seconds(cloud: Cloud) -> float:
    """Return how long an instance that is asked for now takes, by the clock."""
    return cloud.store(Launches).seconds
