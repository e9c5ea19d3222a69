"""A tuning job's search as a program: one line of JSON in, one out, over a Unix socket.

`remote_search` starts it. The first line says what to search; each further one lists the trials so far, and
is answered with the hyperparameters of the next.
"""

from __future__ import annotations

import json
import socket
import sys
import traceback
from typing import Any, TextIO

from kennel.localcloud.services.sagemaker.tuning import ranges
from kennel.localcloud.services.sagemaker.tuning.observation import Observation


def serve(stream: TextIO) -> None:
    """Answer requests until the stream ends."""
    # Imported here, so that its failure is reported like any other.
    from kennel.localcloud.services.sagemaker.tuning.search import STRATEGIES

    task = json.loads(stream.readline())
    search = STRATEGIES[task["strategy"]](ranges.read(task["ranges"]), task["seed"])
    for line in stream:
        observations = [Observation(**fields) for fields in json.loads(line)]
        _send(stream, {"values": search.next(observations)})
        search.prepare(len(observations) + 1)


def _send(stream: TextIO, reply: dict[str, Any]) -> None:
    stream.write(json.dumps(reply) + "\n")
    stream.flush()


def main(path: str) -> None:
    """Connect to a Unix socket and serve; a failure is the last reply."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rw", encoding="utf-8") as stream:
            try:
                serve(stream)
            except Exception:
                _send(stream, {"error": traceback.format_exc()})
                raise


if __name__ == "__main__":
    main(sys.argv[1])
