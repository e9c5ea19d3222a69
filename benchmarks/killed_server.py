"""What callers get while a model server is killed, or stopped so that it hangs, under load.

A local cloud, a release with random weights behind an endpoint, and a function before it. Clients ask with
photos whose logits are known, one half through the function and one half at the endpoint itself, while one
SIGKILL or SIGSTOP after the other is sent to the model server. Each answer is right, wrong, or a failure. A
failure is clean if it is a status of 500 or more in the form that the callee promises: ServiceUnavailable, a
ModelError with the container's status (0 for none), or the function's JSON. Recovery is the time from the
signal to the end of the first right answer to a request that was sent after it.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from PIL import Image

sys.path.insert(0, str(Path(__file__).with_name("serving")))
import cloud as serving_cloud
import models

from kennel.localcloud import lifecycle

ARCH, RUNTIME = "efficientnet_lite0", "openvino"
SERVER = "serving_host.py"
SIGNALS = ("SIGKILL", "SIGSTOP")
TOLERANCE = 1e-4  # of a logit
PAUSE_SECONDS = 0.1  # of a client after a failure
UNHEALTHY_SECONDS = 90.0  # for the first right answer after a signal
RIGHT, WRONG, UNCLEAN = "right", "wrong", "unclean"
DISTANT = 100 * TOLERANCE  # answers to different photos differ by so much at least

Logits = list[float]
Ask = Callable[[bytes], tuple[str, Logits | None]]
"""Sends a photo; returns what came back, and the logits if it is an answer."""


@dataclass(frozen=True)
class Outcome:
    """What became of one request; times are those of `time.monotonic`."""

    via: str
    sent: float
    ended: float
    what: str
    detail: str = ""


def at_endpoint(cloud: serving_cloud.Cloud) -> Ask:
    """Return what invokes the endpoint."""
    client = cloud.client("sagemaker-runtime")

    def ask(photo: bytes) -> tuple[str, Logits | None]:
        try:
            answer = client.invoke_endpoint(
                EndpointName=serving_cloud.NAME, ContentType="image/jpeg", Body=photo
            )
        except ClientError as error:
            response = error.response
            code, http = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
            container = response.get("OriginalStatusCode")
            clean = (code == "ModelError" and (container == 0 or container >= 500)) or http >= 500
            return f"{code} {http if container is None else container}" if clean else UNCLEAN, None
        return RIGHT, json.loads(answer["Body"].read())[0]

    return ask


def through_function(cloud: serving_cloud.Cloud) -> Ask:
    """Return what invokes the function."""
    client = cloud.client("lambda")

    def ask(photo: bytes) -> tuple[str, Logits | None]:
        event = json.dumps({"image": base64.b64encode(photo).decode()}).encode()
        response = client.invoke(FunctionName=serving_cloud.NAME, Payload=event)
        answer = json.loads(response["Payload"].read())
        status = answer.get("statusCode")
        if status == 200:
            return RIGHT, json.loads(answer["body"])[0]
        clean = "FunctionError" not in response and status >= 500 and "error" in json.loads(answer["body"])
        return (f"status {status}" if clean else UNCLEAN), None

    return ask


PATHS: dict[str, Callable[[serving_cloud.Cloud], Ask]] = {
    "endpoint": at_endpoint,
    "function": through_function,
}


class Load:
    """Clients that ask until they are stopped, and what they got.

    Parameters
    ----------
    answers
        Photos with their logits.
    """

    def __init__(self, cloud: serving_cloud.Cloud, answers: list[tuple[bytes, Logits]], clients: int) -> None:
        self._cloud, self._answers = cloud, answers
        self.outcomes: list[Outcome] = []
        self._stopped = threading.Event()
        paths = itertools.islice(itertools.cycle(PATHS), clients)
        self._threads = [
            threading.Thread(target=self._run, args=(via, random.Random(number)), daemon=True)  # noqa: S311 - no secret
            for number, via in enumerate(paths)
        ]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wait for the answers under way."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def recovered(self, since: float) -> dict[str, float]:
        """Return the seconds from a moment to the first right answer to a later request, by path."""
        seconds: dict[str, float] = {}
        for outcome in sorted(self.outcomes, key=lambda outcome: outcome.ended):
            if outcome.sent >= since and outcome.what == RIGHT:
                seconds.setdefault(outcome.via, round(outcome.ended - since, 2))
        return seconds

    def _run(self, via: str, chance: random.Random) -> None:
        ask = PATHS[via](self._cloud)
        while not self._stopped.is_set():
            photo, expected = chance.choice(self._answers)
            sent, detail = time.monotonic(), ""
            try:
                what, logits = ask(photo)
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller did not get what was promised
                what, logits, detail = UNCLEAN, None, repr(error)[:300]
            if logits is not None and distance(logits, expected) > TOLERANCE:
                what = WRONG
            self.outcomes.append(Outcome(via, sent, time.monotonic(), what, detail))
            if what != RIGHT:
                self._stopped.wait(PAUSE_SECONDS)


def distance(first: Logits, second: Logits) -> float:
    """Return the largest difference of two answers' logits."""
    if len(first) != len(second):
        return math.inf
    return max(abs(a - b) for a, b in zip(first, second, strict=True))


def photos(number: int) -> list[bytes]:
    """Return different JPEGs of coarse noise."""
    encoded = []
    for seed in range(number):
        pixels = random.Random(seed).randbytes(8 * 6 * 3)  # noqa: S311 - no secret
        buffer = io.BytesIO()
        Image.frombytes("RGB", (8, 6), pixels).resize((800, 600)).save(buffer, "JPEG")
        encoded.append(buffer.getvalue())
    return encoded


def known_answers(cloud: serving_cloud.Cloud, number: int) -> list[tuple[bytes, Logits]]:
    """Return photos with the logits that both paths give for them before anything is killed."""
    answers: list[tuple[bytes, Logits]] = []
    asks = [path(cloud) for path in PATHS.values()]
    for photo in photos(number):
        first, second = (ask(photo)[1] for ask in asks)
        if first is None or second is None or distance(first, second) > TOLERANCE:
            raise SystemExit("endpoint and function do not give the same answer before anything is killed")
        if any(distance(first, other) < DISTANT for _, other in answers):
            raise SystemExit("two photos have the same answer: mixed-up answers would not be seen")
        answers.append((photo, first))
    return answers


def model_server(folder: Path) -> int:
    """Return the process id of the model server of the local cloud in a folder."""
    listed = subprocess.run(["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.decode().splitlines()]
    parents = {int(pid): int(parent) for pid, parent, *_ in rows}
    service = lifecycle.status(folder).pid

    def descends(pid: int) -> bool:
        return pid == service or (pid in parents and descends(parents[pid]))

    # The supervisor's own command line does not name the program.
    servers = [int(pid) for pid, _, *arguments in rows if SERVER in "".join(arguments) and descends(int(pid))]
    if len(servers) != 1:
        raise SystemExit(f"{len(servers)} model servers run, not one")
    return servers[0]


def strike(load: Load, folder: Path, name: str, seconds: float) -> dict[str, Any]:
    """Send a signal to the model server, wait until both paths answer again, and return what came of it."""
    pid = model_server(folder)
    struck = time.monotonic()
    os.kill(pid, getattr(signal, name))
    while len(recovered := load.recovered(struck)) < len(PATHS):
        if time.monotonic() - struck > UNHEALTHY_SECONDS:
            break
        time.sleep(0.05)
    time.sleep(seconds)
    during = [outcome for outcome in list(load.outcomes) if outcome.ended >= struck]
    failed = [outcome for outcome in during if outcome.what != RIGHT]
    return {
        "signal": name,
        "recovery_seconds": recovered,
        "right": len(during) - len(failed),
        "failed": {via: _counts(failed, via) for via in PATHS},
        "longest_failure_seconds": round(max((each.ended - each.sent for each in failed), default=0.0), 2),
        "server_replaced": model_server(folder) != pid,
    }


def _counts(outcomes: list[Outcome], via: str) -> dict[str, int]:
    return dict(Counter(outcome.what for outcome in outcomes if outcome.via == via))


def report(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run everything on a local cloud in a folder; return the document."""
    release = models.releases(folder / "release", ARCH, [RUNTIME])[RUNTIME]
    with serving_cloud.running(folder / "cloud") as cloud:
        serving_cloud.deploy(cloud, release, folder)
        load = Load(cloud, known_answers(cloud, arguments.photos), arguments.clients)
        load.start()
        strikes = []
        try:
            time.sleep(arguments.seconds)
            for name in itertools.islice(itertools.cycle(SIGNALS), arguments.strikes):
                strikes.append(strike(load, folder / "cloud", name, arguments.seconds))
                report(json.dumps(strikes[-1]))
        finally:
            load.stop()
    counts = Counter(outcome.what for outcome in load.outcomes)
    unclean = [outcome.detail for outcome in load.outcomes if outcome.what == UNCLEAN]
    recovered = all(
        len(each["recovery_seconds"]) == len(PATHS) and each["server_replaced"] for each in strikes
    )
    return {
        "ok": recovered and not counts[WRONG] and not counts[UNCLEAN],
        "model": f"{ARCH}, {RUNTIME}",
        "clients": arguments.clients,
        "photos": arguments.photos,
        "requests": len(load.outcomes),
        "right": counts[RIGHT],
        "wrong": counts[WRONG],
        "clean_failures": len(load.outcomes) - counts[RIGHT] - counts[WRONG] - counts[UNCLEAN],
        "unclean_failures": unclean,
        "strikes": strikes,
    }


def main() -> int:
    """Print a JSON document; return 1 if an answer was wrong, a failure unclean, or a server not replaced."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clients", type=int, default=4, help="how many ask at once, at least two")
    parser.add_argument("--photos", type=int, default=8, help="how many different photos they ask with")
    parser.add_argument("--strikes", type=int, default=6, help="how many signals, alternately of each kind")
    parser.add_argument("--seconds", type=float, default=11.0, help="of load before and after each")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        document = measure(Path(folder).resolve(), arguments)
    json.dump(document, sys.stdout, indent=2)
    print()
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
