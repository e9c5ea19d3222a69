"""Search for good hyperparameters, and watch the search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kennel.commands.model import OPTIONS, hyperparameters
from kennel.commands.task import kennel_task

if TYPE_CHECKING:
    from rich.table import Table

    from kennel.aws.tuning import Trial


@kennel_task(
    cloud=True,
    **OPTIONS | {"data": "name of an uploaded data set", "patience": "of each trial, in epochs"},
    trials="how many trials",
    parallel="how many of them at a time",
    search_seed="of the search itself; 0: another each time",
)
def tune(
    workspace: Any,
    trials: int = 20,
    parallel: int = 2,
    data: str = "",
    arch: str = "",
    epochs: int = 0,
    views: str = "",
    patience: int = 0,
    seed: str = "",
    search_seed: int = 0,
    pretrained: bool = True,
    weights: str = "",
    instance_type: str = "",
) -> dict[str, Any]:
    """Compute features once, try heads on them, and keep the best for train --best-of."""
    from kennel import terminal
    from kennel.aws import stack, training, tuning
    from kennel.aws.sdk import Search

    given = hyperparameters(pretrained, arch=arch, epochs=epochs, views=views, patience=patience, seed=seed)
    search = Search(trials=trials, parallel=parallel, seed=search_seed)
    with terminal.progress("features") as tell:
        stack_ = stack.outputs(workspace)
        request = training.compose(
            stack_,
            dataset=data,
            hyperparameters=given,
            weights=weights,
            instance_type=instance_type or None,
        )
        features = tuning.compute_features(workspace, stack_, request, tell)
    request.inputs["features"] = features
    with Watched(search.objective) as watched:
        record = tuning.tune(workspace, stack_, request, search, terminal.say, watched.show)
    terminal.say(f"train it with: ./kennel train --best-of {record['job']}")
    return record


class Watched:
    """A table of trials that lives on a terminal; elsewhere a line for each trial that has ended."""

    def __init__(self, objective: str) -> None:
        from rich.live import Live

        from kennel import terminal

        self.objective, self._told = objective, set[str]()
        self._trials: list[Trial] = []
        self._live = Live(get_renderable=self.table, console=terminal.console, refresh_per_second=4)

    def __enter__(self) -> Watched:
        if self._live.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.console.is_terminal:
            self._live.stop()

    def show(self, trials: list[Trial]) -> None:
        """Show all trials as they are now."""
        from kennel import terminal

        self._trials = trials
        if self._live.console.is_terminal:
            return
        for one in trials:
            if one.status in ("Completed", "Failed", "Stopped") and one.name not in self._told:
                self._told.add(one.name)
                terminal.say(" ".join([one.name, *self._cells(one)]))

    def table(self) -> Table:
        """Return the table; the best trial so far stands out."""
        from rich.table import Table

        names = sorted({name for one in self._trials for name in one.hyperparameters})
        shown = Table("trial", "status", *names, self.objective, "seconds")
        completed = [one for one in self._trials if one.status == "Completed" and one.objective is not None]
        sign = 1 if self.objective.endswith("loss") else -1
        best = min(completed, key=lambda one: sign * (one.objective or 0.0), default=None)
        for one in self._trials:
            status, *cells = self._cells(one)
            shown.add_row(
                one.name.split("-")[-2], status, *cells, style="bold green" if one is best else None
            )
        return shown

    def _cells(self, one: Trial) -> list[str]:
        names = sorted({name for trial in self._trials for name in trial.hyperparameters})
        objective = f"{one.objective:.4g}" if one.objective is not None else ""
        seconds = one.seconds if one.train_seconds is None else one.train_seconds
        values = [_short(one.hyperparameters.get(name, "")) for name in names]
        return [one.status, *values, objective, f"{seconds:.1f}" if seconds is not None else ""]


def _short(text: str) -> str:
    try:
        return text if text.isdigit() else f"{float(text):.4g}"
    except ValueError:
        return text
