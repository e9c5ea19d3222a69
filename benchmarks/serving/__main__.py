"""What serving costs: a course's handler on TorchServe, our application, its limit, the whole way.

`bench.serving` runs it. All servers run from the start to the end, and the measurements of a photo and a
number of clients follow each other, round after round: what the machine gives meanwhile is the same for all.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import application
import load
import processes
import torchserve
from PIL import Image
from processes import Measured

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
RUNTIMES = ("openvino-int8", "openvino", "torch")
TORCHSERVE, RAY = "course on TorchServe", "Kennel on Ray Serve"
FUNCTION, ENDPOINT = "function, endpoint", "endpoint"
SMALL = (500, 375)  # pixels, as in many data sets
DRAWN = (2126, 1410)  # pixels of the photo that is drawn if none is given
WARM_UP = 3  # requests for each client; the first ones allocate memory and start threads
Report = Callable[[str], None]


@dataclass
class Target:
    """What is measured: how a load of it is run, and what measures its memory."""

    name: str
    measure: Callable[[Path, int, int], load.Figures]
    group: Measured | None = None
    start_seconds: float | None = None


def ours(runtime: str) -> str:
    """Return the name of our application with a runtime."""
    return f"Kennel, {runtime}"


def limit(runtime: str) -> str:
    """Return the name of a runtime's limit."""
    return f"limit, {runtime}"


class Server(Measured, Protocol):
    """Processes that were started within a known time."""

    start_seconds: float


def server(name: str, started: Server, port: int) -> Target:
    """Return the target of a model server."""

    def measure(photo: Path, clients: int, requests: int) -> load.Figures:
        return load.run(load.http_client(port, photo.read_bytes(), "image/jpeg"), clients, requests)

    return Target(name, measure, started, started.start_seconds)


class Bench:
    """One measurement: its targets, and what was measured of each."""

    def __init__(self, options: argparse.Namespace, scratch: Path, report: Report) -> None:
        self.options, self.scratch, self.report = options, scratch, report
        self.targets: list[Target] = []
        self.skipped: dict[str, str] = {}
        self.memory: dict[str, float] = {}
        self.processes: dict[str, int] = {}
        self.photos = photos(options.photo, scratch)
        self.figures: dict[str, dict[str, dict[int, load.Figures]]] = {name: {} for name in self.photos}

    def start(self, stack: ExitStack) -> None:
        """Start everything that is measured."""
        import models

        arch, runtimes = self.options.arch, self.options.runtimes
        self.report("packaging the models")
        with contextlib.redirect_stdout(sys.stderr):  # NNCF draws its progress there
            made = models.releases(self.scratch / "releases", arch, runtimes)
        if not self.options.without_torchserve:
            self._start_torchserve(stack, models.course_archive(self.scratch / "course", arch))
        for runtime in runtimes:
            self.report(f"starting {ours(runtime)}")
            started, port = stack.enter_context(application.server(made[runtime], self.scratch))
            self.targets.append(server(ours(runtime), started, port))
            process = stack.enter_context(application.limit(made[runtime], self.scratch))
            self.targets.append(
                Target(
                    limit(runtime), lambda *asked, process=process: process.measure(*asked)[0], process.group
                )
            )
        if self.options.ray:
            self._start_ray(stack, made[runtimes[0]])
        if not self.options.without_cloud:
            self._start_cloud(stack, made[runtimes[0]])

    def _start_torchserve(self, stack: ExitStack, archive: Path) -> None:
        self.report("starting TorchServe")
        reason = torchserve.prepare(self.report)
        if not reason:
            try:
                started, port = stack.enter_context(torchserve.server(archive, self.scratch))
                self.targets.append(server(TORCHSERVE, started, port))
            except processes.StartError as error:
                reason = str(error)
        if reason:
            self.skipped[TORCHSERVE] = reason

    def _start_ray(self, stack: ExitStack, release: Path) -> None:
        import ray_serve

        self.report("starting Ray Serve")
        if not (ray_serve.ENVIRONMENT / "bin" / "serve").exists():
            self.skipped[RAY] = f"no {ray_serve.ENVIRONMENT.name}: {ray_serve.MAKE}"
            return
        hosted = stack.enter_context(ray_serve.server(release, self.scratch))
        self.targets.append(server(RAY, hosted, hosted.port))
        self.processes[RAY] = len(hosted.pids())

    def _start_cloud(self, stack: ExitStack, release: Path) -> None:
        import cloud

        self.report("starting a local cloud")
        running = stack.enter_context(cloud.running(self.scratch / "cloud"))
        cloud.deploy(running, release, self.scratch)
        for name, client in ((ENDPOINT, cloud.endpoint_client), (FUNCTION, cloud.function_client)):

            def measure(photo: Path, clients: int, requests: int, client: Any = client) -> load.Figures:
                return load.run(client(running, photo.read_bytes()), clients, requests)

            self.targets.append(Target(name, measure))

    def run(self) -> None:
        """Measure every target with every photo and number of clients."""
        for name, photo in self.photos.items():
            for clients in self.options.clients:
                for number in range(self.options.rounds):
                    for target in self.targets:
                        turn = f"round {number + 1} of {self.options.rounds}"
                        self.report(f"{name} photo, {clients} clients, {turn}: {target.name}")
                        self._measure(target, name, photo, clients, first=number == 0)

    def _measure(self, target: Target, name: str, photo: Path, clients: int, *, first: bool) -> None:
        if first:
            target.measure(photo, clients, WARM_UP * clients)
        requests = max(clients, -(-self.options.requests // self.options.rounds))
        if target.group is None:
            measured = target.measure(photo, clients, requests)
        else:
            with processes.Sampler(target.group) as sampler:
                measured = target.measure(photo, clients, requests)
            self.memory[target.name] = max(self.memory.get(target.name, 0), sampler.highest)
        kept = self.figures[name].setdefault(target.name, {})
        kept.setdefault(clients, load.Figures()).add(measured)

    def document(self) -> dict[str, Any]:
        """Return everything measured, and the ratios that `docs/performance.md` quotes."""
        import results

        figures = {
            photo: {
                target: {str(clients): each.as_dict() for clients, each in by_clients.items()}
                for target, by_clients in by_target.items()
            }
            for photo, by_target in self.figures.items()
        }
        memory = {name: round(value, 1) for name, value in self.memory.items()}
        return {
            "arch": self.options.arch,
            "cores": os.cpu_count(),
            "clients": self.options.clients,
            "requests": self.options.requests,
            "rounds": self.options.rounds,
            "photos": {name: describe(photo) for name, photo in self.photos.items()},
            "targets": [target.name for target in self.targets],
            "skipped": self.skipped,
            "start_seconds": {
                target.name: round(target.start_seconds, 1) for target in self.targets if target.start_seconds
            },
            "figures": figures,
            "memory_mb": memory,
            "processes": self.processes,
            "ratios": results.ratios(figures["large"], memory, self.options.runtimes),
        }


def photos(given: str | None, scratch: Path) -> dict[str, Path]:
    """Return a photo of several megapixels and a small one of the same."""
    large, small = scratch / "large.jpg", scratch / "small.jpg"
    if given:
        large.write_bytes(Path(given).read_bytes())
    else:
        from kennel.sample_photos import draw

        draw.photo(breed=95, number=1, size=max(DRAWN)).crop((0, 0, *DRAWN)).save(large, "JPEG", quality=92)
    with Image.open(large) as image:
        if image.format != "JPEG":
            raise SystemExit(
                f"{given} is a {image.format} file; give a JPEG, which is all that the course's handler reads"
            )
        image.convert("RGB").resize(SMALL).save(small, "JPEG", quality=88)
    return {"large": large, "small": small}


def describe(photo: Path) -> dict[str, int]:
    """Return a photo's size."""
    with Image.open(io.BytesIO(photo.read_bytes())) as image:
        return {"width": image.width, "height": image.height, "bytes": photo.stat().st_size}


def end(number: int, _: object) -> None:
    """End once, which ends every process that was started; what signals come meanwhile is ignored."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    """Measure, draw the plots, and print the result as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks/serving", description=__doc__)
    parser.add_argument("--arch", default="efficientnet_lite0")
    parser.add_argument("--photo", help="a JPEG of several megapixels; drawn if not given")
    parser.add_argument(
        "--requests", type=int, default=60, help="of each target, photo and number of clients"
    )
    parser.add_argument("--rounds", type=int, default=3, help="in which the requests are sent")
    parser.add_argument(
        "--clients", type=lambda text: [int(part) for part in text.split(",")], default=[1, 4, 16]
    )
    parser.add_argument("--runtimes", type=lambda text: text.split(","), default=list(RUNTIMES))
    parser.add_argument("--without-torchserve", action="store_true")
    parser.add_argument("--without-cloud", action="store_true")
    parser.add_argument("--ray", action="store_true", help="the first runtime on Ray Serve, too")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    with tempfile.TemporaryDirectory(prefix="kennel-bench-") as folder, ExitStack() as stack:
        bench = Bench(options, Path(folder), lambda line: print(line, file=sys.stderr, flush=True))
        try:
            bench.start(stack)
            bench.run()
        except (load.LoadError, processes.StartError) as error:
            raise SystemExit(" ".join(str(error).split())) from error
        document = bench.document()
    import chart

    document["plots"] = {}
    for photo in document["photos"]:
        path = BUILD / f"serving-{options.arch}-{photo}.svg"
        chart.draw(document, photo, path)
        document["plots"][photo] = str(path.relative_to(ROOT))
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
