"""Jobs: list them, read their logs, stop them, compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kennel.classifier.hyperparameters import DECLARED
from kennel.commands.known_names import JobName
from kennel.commands.task import kennel_task
from kennel.commands.values import Choice, Number, Several
from kennel.errors import UsageError

if TYPE_CHECKING:
    from kennel.aws.training.jobs import Job

TYPES = ("training", "tuning", "processing")


@kennel_task(
    cloud=True,
    called="jobs",
    type="only jobs of this type",
    limit="how many, the newest ones",
    trials="also the training jobs of tuning jobs",
)
def list_jobs(
    workspace: Any,
    type: Annotated[str | None, Choice(*TYPES)] = None,
    limit: Annotated[int, Number(1, 1000)] = 20,
    trials: bool = False,
) -> dict[str, Any]:
    """List the stack's training, tuning and processing jobs, the newest first."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import jobs

    with terminal.progress("jobs"):
        newest = jobs.newest(stack.outputs(workspace), type, limit, trials=trials)
    columns = ("job", "status", "created", "seconds", "instances", "metric")
    terminal.print_table("Jobs (times in UTC)", columns, [_row(job) for job in newest])
    return {"jobs": [job.as_dict() for job in newest]}


def _row(job: Job) -> tuple[Any, ...]:
    status = job.status
    if job.trials and not job.ended:
        status += f" {job.trials[0]}/{job.trials[1]}"
    seconds = None if job.seconds is None else round(job.seconds)
    instances = f"{job.instances} {job.instance_type}" if job.instances else ""
    metric = f"{job.metric[0]} {job.metric[1]:.4g}" if job.metric else ""
    return job.name, status, f"{job.created:%Y-%m-%d %H:%M}", seconds, instances, metric


@kennel_task(
    positional=("job",),
    cloud=True,
    job="a job, 'endpoint', 'function' or 'proof' (the endpoint of a deployment's proof)",
    follow="go on with what is logged from now on, until the job ends; Ctrl-C ends it earlier",
    lines="how many of the last lines; 0: all",
)
def logs(
    workspace: Any,
    as_json: bool,
    job: Annotated[str, JobName()],
    follow: bool = False,
    lines: Annotated[int, Number(0, 10_000)] = 100,
) -> dict[str, Any]:
    """Print what a job, an endpoint or the function has logged: on standard output, times in UTC."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import logs as aws_logs

    source = aws_logs.source_of(stack.outputs(workspace), job)
    if follow and as_json and source.ended is None:
        raise UsageError(f"the log of the {job} does not end, so --follow has no document: leave out --json")
    reader = aws_logs.Reader(source)
    printed: list[dict[str, str]] = []

    def show(line: aws_logs.Line) -> None:
        printed.append({"time": line.time, "stream": line.stream, "message": line.text})
        if not as_json:
            print(" ".join(filter(None, [line.time, reader.label(line), line.text])), flush=True)

    for line in reader.last(lines):
        show(line)
    if follow:
        for line in reader.follow():
            show(line)
    if not printed:
        terminal.print_line(f"{job} has not logged anything in {source.group}")
    return {"job": job, "group": source.group, "lines": printed}


@kennel_task(positional=("job",), cloud=True, job="a training, tuning or processing job")
def stop(workspace: Any, job: Annotated[str, JobName()]) -> dict[str, Any]:
    """Stop a job and wait for its end; a job that has ended stays as it is."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import jobs

    with terminal.progress("stop") as progress:
        ended, stopped = jobs.stop(stack.outputs(workspace), job, progress)
    how = "" if stopped else ", before this"
    terminal.print_line(f"{ended.name}: {ended.status}{how}")
    return {**ended.as_dict(), "stopped": stopped}


@kennel_task(
    positional=("job",), cloud=True, job="two or more training jobs; a tuning job stands for its best"
)
def compare(workspace: Any, job: Annotated[tuple[str, ...], Several(JobName())]) -> dict[str, Any]:
    """Show jobs side by side: the settings that differ, and the metrics."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import comparison

    if len(set(job)) < 2:
        raise UsageError("compare needs two jobs or more: ./kennel compare JOB JOB")
    with terminal.progress("compare"):
        compared = comparison.trainings(stack.outputs(workspace), list(dict.fromkeys(job)))
    names = [training.name for training in compared]
    settings, metrics = comparison.differing(compared), comparison.metrics(compared)
    rows = [(name, *(value or _absent(name) for value in values)) for name, values in settings.items()]
    terminal.print_table("Settings that differ", ("setting", *names), rows)
    shown = [(name, *(_number(value) for value in values)) for name, values in metrics.items()]
    terminal.print_table("Metrics", ("metric", *names), [("status", *(t.status for t in compared)), *shown])
    return {
        "jobs": [
            {"job": t.name, "status": t.status, "settings": t.settings, "metrics": t.metrics}
            for t in compared
        ],
        "differing": settings,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _absent(setting: str) -> str:
    """Return what stands for a setting that a job does not have: a hyperparameter has its default then."""
    return "default" if setting in {declared.option for declared in DECLARED.values()} else ""
