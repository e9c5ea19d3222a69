"""Writes docs/instances.md: why the stack's instance types, from prices and from what was measured.

What was not measured is not estimated: of another type the page says how much faster it must be.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kennel.capacity import prices
from kennel.capacity.assumptions import REGION
from kennel.capacity.cost import usage
from kennel.capacity.cost.charges import SECONDS_A_MONTH
from kennel.capacity.markdown import dollars as _dollars
from kennel.capacity.markdown import paragraph as _text
from kennel.capacity.markdown import table as _table
from kennel.capacity.measured import figure as _figure
from kennel.capacity.measured import measured
from kennel.capacity.prices import HOURS_A_MONTH, decimal

PAGE = "instances.md"
MILLION = 1_000_000
# The stack's own choices: terraform/variables_training.tf and variables_serving.tf.
NOTEBOOK, TRAINING, HOST, HOSTING = "ml.t3.medium", "ml.m5.xlarge", "m5.xlarge", "ml.m5.large"
HOST_VOLUME_GB = 80
TARGET = 300  # requests a minute and instance that scaling aims at
FUNCTION_GB = 0.5
SERVERLESS_GB = (2, 3, 4, 6)


def page() -> str:
    """Return the document, with the figures that prices.csv and measurements.toml have now."""
    parts = [_head(), _notebook(), _training(), _host(), _endpoint(), _concurrency()]
    return "\n\n".join(block for part in parts for block in part) + "\n"


def _head() -> list[str]:
    rows = [
        (figure["text"], decimal(figure["value"]), f"[{_title(figure)}]({_title(figure)})")
        for figure in measured()["figures"].values()
        if PAGE in figure["pages"]
    ]
    return [
        "# Why these instance types",
        _text(
            """Written by `./kennel docs.instances` from
            [prices.csv](../src/kennel/capacity/prices.csv), which
            has the source of each price, and [measurements.toml](../src/kennel/capacity/measurements.toml); a
            test compares this page with them. Prices are those of""",
            f"{REGION}, on demand, in US dollars. [cost.md](cost.md) has what a whole environment costs.",
        ),
        f"What was measured, on {measured()['machine']['text']}:",
        _table(("what", "figure", "from"), rows),
        _text(
            f"A month has {HOURS_A_MONTH:g} hours.",
            """Durations are those of the measured machine: an AWS instance with as many vCPUs or
            more is taken to
            be as fast and no faster. Nothing was measured on AWS, and nothing on a GPU; of such
            types the tables
            say how many times as fast they must be to cost the same.""",
        ),
    ]


def _notebook() -> list[str]:
    hours = usage.read("dev")["notebook_hours"]
    rows = [
        (f"`{kind}`", _shape(kind), decimal(price), _dollars(price * hours), _dollars(price * HOURS_A_MONTH))
        for kind, price in _known("sagemaker", "notebook")
    ]
    return [
        f"## The notebook: {NOTEBOOK}",
        _text(
            """The notebook starts jobs and calls the endpoint; it trains nothing itself
            ([notebook.md](notebook.md)). So it needs no more than the cheapest type, which of
            those with a price
            here is""",
            f"`{NOTEBOOK}`. It stops itself after an hour without work; its volume stays, at",
            f"{decimal(_price('sagemaker', 'notebook volume'))} a GB and month.",
        ),
        _table(("type", "vCPUs, memory", "an hour", f"{hours:g} hours a month", "never stopped"), rows),
    ]


def _training() -> list[str]:
    frozen, tuned = _training_seconds()
    training = measured()["training"]
    return [
        f"## Training jobs: {TRAINING}",
        _text(
            f"A training of the {training['photos']} dog photos with a frozen backbone takes",
            f"{frozen:.0f} s at the",
            f"measured rate, and {training['epochs']} epochs with the last two stages fine-tuned",
            f"{tuned / 60:.0f} minutes. `{TRAINING}` has more cores than that was measured with,",
            "and 16 GiB for the",
            """photos' features. A frozen training costs a few cents on any of these, so a larger
            type saves seconds,
            and money only if it is as many times as fast as the last column says.""",
        ),
        _trainings("sagemaker", "training", TRAINING),
    ]


def _host() -> list[str]:
    ours, jobs = _price("ec2", f"instance/{HOST}"), _price("sagemaker", f"training/{TRAINING}")
    volume = HOST_VOLUME_GB * _price("ec2", "volume/gp3")
    return [
        f"## The training host: {HOST}",
        _text(
            f"The type that `{TRAINING}` is made of, {100 * (1 - ours / jobs):.0f} % cheaper by the hour:",
            f"{decimal(ours)} instead of {decimal(jobs)}. But its volume of {HOST_VOLUME_GB} GB costs",
            f"{_dollars(volume)} a month also while it is stopped, so jobs are cheaper below",
            f"{volume / (jobs - ours):.0f} hours of training a month. The host is for those who",
            "want a machine with",
            "a shell. A cheaper type trains a frozen backbone as well; it has less memory for",
            "the photos' features.",
        ),
        _trainings("ec2", "instance", HOST),
    ]


def _endpoint() -> list[str]:
    ours = _price("sagemaker", f"hosting/{HOSTING}")
    rate, target, course = _figure("answers_per_second"), TARGET / 60, _figure("course_answers_per_second")
    rows = [
        (
            f"`{kind}`",
            _shape(kind),
            decimal(price),
            _dollars(price * HOURS_A_MONTH),
            "not measured" if _types()[kind].get("gpu") else _dollars(price / 3600 / rate * MILLION),
            f"{price / ours:.2f}",
        )
        for kind, price in _known("sagemaker", "hosting")
    ]
    columns = (
        "type",
        "vCPUs, memory",
        "an hour",
        "a month",
        "a million answers, always busy",
        "times as fast",
    )
    return [
        f"## The endpoint: {HOSTING}",
        _text(
            f"An int8 release answers {rate:g} photos a second on two vCPUs, the course's",
            "handler on TorchServe",
            f"{course:g}: it needs {rate / course:.0f} instances where a release needs one.",
            f"`{HOSTING}` has two vCPUs",
            """and is the cheapest type with 8 GiB, enough for what AWS's image takes itself
            ([1.3 GB](performance.md#ray-serve)) and for a larger model. Types that begin with
            `ml.t` cannot be scaled,
            because of their CPU credits

            ([AWS](https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html)).""",
        ),
        _table(columns, rows),
        _text(
            f"Scaling aims at {TARGET} requests a minute for each instance, {target:g} a second",
            f"of {rate:g}: a million",
            f"answers then cost {_dollars(ours / 3600 / target * MILLION)}, and an instance can take",
            f"{rate / target:.0f} times its share until others have started. Each further",
            "instance that stays costs",
            f"{_dollars(ours * HOURS_A_MONTH)} a month.",
        ),
        _text(
            f"Serverless, at the measured {1000 * _figure('answer_seconds'):.0f} ms for an",
            "answer, which AWS's",
            "serverless instances need not reach:",
        ),
        _table(("memory", "a second", "a million answers", "as dear as one instance at"), _serverless(ours)),
        "Below that number of answers a month a serverless endpoint is cheaper, and pays with cold starts.",
    ]


def _serverless(hosting: float) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for gb in SERVERLESS_GB:
        price = _price("sagemaker", f"serverless/{gb}GB")
        answer = price * _figure("answer_seconds")
        equal = hosting * HOURS_A_MONTH / answer / MILLION
        rows.append((f"{gb} GB", decimal(price), _dollars(answer * MILLION), f"{equal:.1f} million a month"))
    return rows


def _concurrency() -> list[str]:
    each = _price("lambda", "provisioned concurrency") * FUNCTION_GB * SECONDS_A_MONTH
    seconds = _figure("function_seconds")
    answer = _price("lambda", "request") + _price("lambda", "duration") * FUNCTION_GB * seconds
    return [
        "## The function's concurrency",
        _text(
            f"A million predictions cost {_dollars(MILLION * answer)} for the function,",
            f"{1000 * seconds:.0f} ms at",
            f"{FUNCTION_GB:g} GB each, before what an account has free. Reserved concurrency",
            "costs nothing: it is only",
            f"a limit. Provisioned concurrency costs {_dollars(each)} a month for each",
            "environment that is kept ready,",
            f"whether it is used or not: prod keeps two for {_dollars(2 * each)}, local one to",
            "rehearse it, dev none.",
            """It spares those who wait for a single answer the [start of the
            function](performance.md#the-functions-start).""",
        ),
    ]


def _trainings(service: str, family: str, ours: str) -> str:
    reference = _price(service, f"{family}/{ours}")
    frozen, tuned = _training_seconds()
    rows = []
    for kind, price in _known(service, family):
        costs = [_cents(price / 3600 * seconds) for seconds in (frozen, tuned)]
        if _types()[kind].get("gpu"):
            costs = ["not measured"] * 2
        rows.append((f"`{kind}`", _shape(kind), decimal(price), *costs, f"{price / reference:.2f}"))
    return _table(("type", "vCPUs, memory", "an hour", "frozen", "fine-tuned", "times as fast"), rows)


def _training_seconds() -> tuple[float, float]:
    """Return the seconds of a frozen training's features, and of all epochs with fine-tuning."""
    training = measured()["training"]
    return (
        training["photos"] / _figure("feature_photos_per_second"),
        training["epochs"] * training["train_photos"] / _figure("tuned_photos_per_second"),
    )


def _known(service: str, family: str) -> list[tuple[str, float]]:
    """Return the types with a known price, the cheapest first."""
    known = []
    for item in prices.items(REGION, service, f"{family}/"):
        dollars = prices.price(REGION, service, item).dollars
        if dollars is not None:
            known.append((item.removeprefix(f"{family}/"), dollars))
    return sorted(known, key=lambda pair: (pair[1], pair[0]))


def _price(service: str, item: str) -> float:
    dollars = prices.price(REGION, service, item).dollars
    assert dollars is not None, f"the page quotes {service} {item}, whose price is not known"
    return dollars


class _Types(dict[str, dict[str, Any]]):
    """Types of EC2; those of SageMaker are found by the same name behind ``ml.``."""

    def __missing__(self, kind: str) -> dict[str, Any]:
        return self[kind.removeprefix("ml.")]


def _types() -> _Types:
    return _Types(measured()["types"])


def _shape(kind: str) -> str:
    shape = _types()[kind]
    gpu = f", {shape['gpu']}" if "gpu" in shape else ""
    return f"{shape['vcpus']}, {shape['gib']} GiB{gpu}"


def _title(figure: dict[str, Any]) -> str:
    return Path(figure["document"]).name


def _cents(amount: float) -> str:
    return f"{100 * amount:.1f} cents"
