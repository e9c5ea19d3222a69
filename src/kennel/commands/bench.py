"""Benchmarks: ratios to a limit or to a baseline, measured on this machine."""

from __future__ import annotations

from typing import Annotated, Any

from kennel.commands.known_names import Architecture, Photo
from kennel.commands.task import kennel_task
from kennel.commands.values import Number, Numbers


@kennel_task(
    arch="efficientnet_lite0 or resnet50",
    photo="a JPEG of several megapixels; drawn if not given",
    requests="number of requests for each target, photo and number of clients",
    rounds="in how many rounds they are sent; the targets alternate",
    clients="numbers of clients that ask at the same time",
    ray="measure Ray Serve too, which works a little even when nobody asks",
)
def serving(
    arch: Annotated[str, Architecture()] = "efficientnet_lite0",
    photo: Annotated[str | None, Photo(addresses=False)] = None,
    requests: Annotated[int, Number(1)] = 60,
    rounds: Annotated[int, Number(1)] = 3,
    clients: Annotated[str, Numbers(1, 64)] = "1,4,16",
    ray: bool = False,
) -> dict[str, Any]:
    """Measure serving: a course's handler on TorchServe, releases, their limit; takes minutes."""
    from kennel import benchmarking, terminal

    arguments = ["--arch", arch, "--requests", str(requests), "--rounds", str(rounds), "--clients", clients]
    with terminal.progress("bench.serving") as progress:
        document = benchmarking.run(
            "serving",
            [*arguments, *(["--photo", photo] if photo else []), *(["--ray"] if ray else [])],
            progress,
        )
    for target, reason in document["skipped"].items():
        terminal.print_line(f"skipped: {target}: {reason}")
    for name in document["photos"]:
        rows = [
            (target, count, *(figures[key] for key in ("p50_ms", "p95_ms", "per_second", "refused")))
            for target, by_clients in document["figures"][name].items()
            for count, figures in by_clients.items()
        ]
        columns = ("target", "clients", "p50 ms", "p95 ms", "a second", "refused")
        terminal.print_table(f"The {name} photo", columns, rows)
    terminal.print_table("Memory", ("target", "MB"), document["memory_mb"].items())
    terminal.print_table("Ratios, the large photo", ("ratio", "measured"), document["ratios"].items())
    for path in document["plots"].values():
        terminal.print_line(path)
    return document


@kennel_task(
    arch="efficientnet_lite0 or resnet50",
    photos="number of training photos of each of 25 classes",
    rounds="number of repetitions; the compared measurements alternate",
)
def training(
    arch: Annotated[str, Architecture()] = "efficientnet_lite0",
    photos: Annotated[int, Number(1)] = 8,
    rounds: Annotated[int, Number(1)] = 3,
) -> dict[str, Any]:
    """Measure the duration of training: features, epochs, hosts, trials; takes minutes."""
    from kennel import benchmarking, terminal

    with terminal.progress("bench.training") as progress:
        document = benchmarking.run(
            "training.py", ["--arch", arch, "--photos", str(photos), "--rounds", str(rounds)], progress
        )
    terminal.print_table("Training", ("ratio", "measured"), document["ratios"].items())
    return document


@kennel_task(
    megabytes="size of the uploaded photos; a quarter of it is uploaded as one archive, too",
    requests="number of requests of each kind whose rate is measured",
    rounds="in how many rounds the service is compared with plain moto, by a tenth of the requests; 0: not",
)
def localcloud(
    megabytes: Annotated[int, Number(0)] = 2000,
    requests: Annotated[int, Number(100)] = 2000,
    rounds: Annotated[int, Number(0)] = 5,
) -> dict[str, Any]:
    """Measure the local cloud: requests a second, also beside plain moto; memory; takes minutes."""
    from kennel import benchmarking, terminal

    with terminal.progress("bench.localcloud") as progress:
        document = benchmarking.run(
            "local_cloud.py",
            ["--megabytes", str(megabytes), "--requests", str(requests), "--rounds", str(rounds)],
            progress,
        )
    rows = [
        (name, *(figures[key] for key in ("per_second", "median_ms", "p99_ms", "longest_ms")))
        for name, figures in document["rates"].items()
    ]
    terminal.print_table("Requests", ("request", "a second", "median ms", "p99 ms", "longest ms"), rows)
    if beside := document.get("beside_moto"):
        columns = ("call", "a second", "plain moto", "ratio", "lowest", "highest")
        names = ("local_cloud_per_second", "moto_per_second", "ratio", "lowest_ratio", "highest_ratio")
        compared = [(call, *(figures[name] for name in names)) for call, figures in beside.items()]
        terminal.print_table("Signed, authorised calls beside plain moto", columns, compared)
    memory = [(key.removesuffix("_mb"), value) for key, value in document.items() if key.endswith("_mb")]
    terminal.print_table("Memory of the service", ("when", "MB"), memory)
    return document
