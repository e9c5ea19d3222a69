"""The clock's administrative path: ``POST /_kennel/clock?advance=900``, ``?speed=60``, or neither to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kennel.localcloud.dispatch.cloud import Cloud
from kennel.localcloud.dispatch.registry import admin_action
from kennel.localcloud.protocol.messages import Response


@admin_action("clock")
def clock(cloud: Cloud, query: Mapping[str, str]) -> Response:
    """Change the speed of the clock, move it forward, and respond with what it shows.

    Parameters
    ----------
    cloud
        The local cloud.
    query
        ``speed``, and ``advance``: seconds. The response waits until all that became due has run.
    """
    try:
        if "speed" in query:
            cloud.clock.set_speed(float(query["speed"]))
        if "advance" in query:
            cloud.clock.advance(float(query["advance"]))
    except ValueError as error:
        return Response(400, [("Content-Type", "text/plain; charset=utf-8")], f"{error}\n".encode())
    if query:
        cloud.changes.note()
    document = {"time": cloud.clock.time(), "now": cloud.clock.now().isoformat(), "speed": cloud.clock.speed}
    return Response(200, [("Content-Type", "application/json")], json.dumps(document).encode())
