"""Search for good hyperparameters, and show the trials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from kennel.aws.training import pretrained
from kennel.commands.known_names import Hosts, InstanceType
from kennel.commands.task import kennel_task
from kennel.commands.training_options import help_for, takes_hyperparameters
from kennel.commands.values import Choice, DatasetName, Number

if TYPE_CHECKING:
    from rich.table import Table

    from kennel.aws.training.tuning import TrialSummary


HYPERPARAMETERS = ("arch", "pretrained", "prior", "epochs", "views", "patience", "seed", "allow_leakage")


@kennel_task(
    cloud=True,
    **help_for(
        *HYPERPARAMETERS,
        *("weights", "instance_type"),
        data="name of an uploaded data set (default: dogs)",
        trials="how many trials",
        parallel="how many of them at a time",
        search_seed="seed of the search itself; 0: a different one each time",
    ),
)
@takes_hyperparameters(*HYPERPARAMETERS)
def tune(
    workspace: Any,
    hyperparameters: dict[str, str],
    trials: Annotated[int, Number(1)] = 20,
    parallel: Annotated[int, Hosts()] = 2,
    data: Annotated[str | None, DatasetName()] = None,
    search_seed: int = 0,
    weights: Annotated[str | None, Choice(*pretrained.SOURCES)] = None,
    instance_type: Annotated[str | None, InstanceType()] = None,
) -> dict[str, Any]:
    """Compute features once, try heads on them, and keep the best for train --best-of."""
    from kennel import terminal
    from kennel.aws.infrastructure import stack
    from kennel.aws.training import training_jobs, tuning
    from kennel.aws.training.sdk import Search

    search = Search(trials=trials, parallel=parallel, seed=search_seed)
    with terminal.progress("features") as progress:
        stack_ = stack.outputs(workspace)
        request = training_jobs.compose(
            stack_,
            dataset=data,
            hyperparameters=hyperparameters,
            weights=weights,
            instance_type=instance_type,
        )
        features = tuning.compute_features(workspace, stack_, request, progress)
    request.inputs["features"] = features
    with TrialsTable(search.objective) as table:
        record = tuning.tune(workspace, stack_, request, search, terminal.print_line, table.show)
    terminal.print_line(f"train it with: ./kennel train --best-of {record['job']}")
    return record


class TrialsTable:
    """A table of trials that changes in place on a terminal; elsewhere a line for each ended trial."""

    def __init__(self, objective: str) -> None:
        from rich.live import Live

        from kennel import terminal

        self.objective = objective
        self._printed: set[str] = set()
        self._trials: list[TrialSummary] = []
        self._live = Live(get_renderable=self.table, console=terminal.console, refresh_per_second=4)

    def __enter__(self) -> TrialsTable:
        if self._live.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.console.is_terminal:
            self._live.stop()

    def show(self, trials: list[TrialSummary]) -> None:
        """Show all trials as they are now."""
        from kennel import terminal

        self._trials = trials
        if self._live.console.is_terminal:
            return
        for trial in trials:
            if trial.status in ("Completed", "Failed", "Stopped") and trial.name not in self._printed:
                self._printed.add(trial.name)
                terminal.print_line(" ".join([trial.name, *self._cells(trial)]))

    def table(self) -> Table:
        """Return the table, with the best trial so far in bold green."""
        from rich.table import Table

        shown = Table("trial", "status", *self._tuned_names(), self.objective, "seconds")
        completed = [
            trial for trial in self._trials if trial.status == "Completed" and trial.objective is not None
        ]
        sign = 1 if self.objective.endswith("loss") else -1
        best = min(completed, key=lambda trial: sign * (trial.objective or 0.0), default=None)
        for trial in self._trials:
            status, *cells = self._cells(trial)
            style = "bold green" if trial is best else None
            shown.add_row(trial.name.split("-")[-2], status, *cells, style=style)
        return shown

    def _tuned_names(self) -> list[str]:
        return sorted({name for trial in self._trials for name in trial.hyperparameters})

    def _cells(self, trial: TrialSummary) -> list[str]:
        values = [_short(trial.hyperparameters.get(name, "")) for name in self._tuned_names()]
        objective = f"{trial.objective:.4g}" if trial.objective is not None else ""
        seconds = trial.seconds if trial.train_seconds is None else trial.train_seconds
        return [trial.status, *values, objective, f"{seconds:.1f}" if seconds is not None else ""]


def _short(text: str) -> str:
    try:
        return text if text.isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text
