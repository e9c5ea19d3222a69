"""The common part of all tasks: ``--json``, ``--verbose``, ``--env``, checked arguments, exit codes."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from invoke import Context, task

from kennel.aws.session import ENVIRONMENTS
from kennel.commands import acts_on
from kennel.commands.failures import reported
from kennel.commands.options import options_of
from kennel.commands.values import Choice
from kennel.errors import KennelError, UsageError

ROOT = Path(__file__).resolve().parents[3]
LOCAL_CLOUD = ROOT / "build" / "localcloud"
REHEARSAL = ROOT / "build" / "rehearsal"
ENVIRONMENT_HELP = "the environment (default: $KENNEL_ENV, else local)"


def kennel_task(
    positional: tuple[str, ...] = (),
    *,
    leading: str | None = None,
    cloud: bool = False,
    called: str | None = None,
    **help_: str,
) -> Callable[..., Any]:
    """Return a decorator that makes a task of a function, with the options and errors of all tasks.

    Parameters
    ----------
    positional
        Required arguments that are given without their names.
    leading
        An optional argument that may be given without its name (invoke's own positional arguments are
        required).
    cloud
        Add ``--env``, pass a ``workspace`` to the function, and for ``local`` set the environment
        variables of the running local cloud, so that the user need not export them.
    called
        The task's name if it is not a valid name of a function.
    help_
        The help text of each argument.

    Notes
    -----
    Arguments are checked before any task of the command line starts; `kennel.commands.values` has the kinds.
    A function that prints on standard output itself has a parameter ``as_json``: it must not print if
    that is true.
    """

    def decorate(body: Callable[..., Any]) -> Any:
        declared = list(inspect.signature(body).parameters.values())
        names = {parameter.name for parameter in declared}
        parameters = [parameter for parameter in declared if parameter.name not in ("workspace", "as_json")]
        parameters += _common_parameters(cloud)
        texts = {**help_, **_common_help(cloud)}
        if unknown := set(texts) - {parameter.name for parameter in parameters}:
            raise ValueError(f"help for arguments that {body.__name__} does not have: {unknown}")
        options = options_of(body, parameters, [*positional, *filter(None, [leading])], texts)

        @functools.wraps(body)
        def run(_: Context, **given: Any) -> None:
            from kennel import terminal

            with reported(bool(given.get("verbose"))):
                arguments = {
                    option.name: option.checked(given.get(option.name, option.default)) for option in options
                }
                as_json = arguments.pop("json")
                del arguments["verbose"]
                terminal.tables_to_stderr(as_json)
                if cloud:
                    environment = arguments.pop("env") or default_environment()
                    for option in options:
                        option.check(arguments.get(option.name), environment)
                    arguments["workspace"] = _workspace(environment)
                    acts_on.announce(environment)
                if "as_json" in names:
                    arguments["as_json"] = as_json
                document = body(**arguments)
                if as_json and document is not None:
                    terminal.print_json(document)
                if isinstance(document, dict) and document.get("ok") is False:
                    raise SystemExit(1)

        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        required_first = sorted(parameters, key=lambda parameter: parameter.default is not parameter.empty)
        run.__signature__ = inspect.Signature([context, *required_first])  # type: ignore[attr-defined]  # invoke reads it
        invoke_task: Any = task(run, name=called, positional=positional, help=texts, auto_shortflags=False)
        invoke_task.options = options
        return invoke_task

    return decorate


def _common_parameters(cloud: bool) -> list[inspect.Parameter]:
    option = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    environment = option(
        "env",
        default=None,
        annotation=Annotated[str | None, Choice(*ENVIRONMENTS)],
    )
    return [
        *([environment] if cloud else []),
        option("json", default=False),
        option("verbose", default=False),
    ]


def _common_help(cloud: bool) -> dict[str, str]:
    return {
        "json": "print one JSON document on standard output",
        "verbose": "show the traceback of an error",
        **({"env": ENVIRONMENT_HELP} if cloud else {}),
    }


def default_environment() -> str:
    """Return the environment that is meant where none is given."""
    name = os.environ.get("KENNEL_ENV") or "local"
    if name not in ENVIRONMENTS:
        raise UsageError(
            f"KENNEL_ENV is {name!r}: set it to one of {', '.join(ENVIRONMENTS)}, unset it, or give --env"
        )
    return name


def _workspace(environment: str) -> Any:
    """Return the workspace of an environment; for ``local``, set the local cloud's variables."""
    from kennel.aws.session import Workspace

    exported = os.environ.get("KENNEL_WORKSPACE")  # by `local.env`, together with KENNEL_ENV
    applies = exported and environment == os.environ.get("KENNEL_ENV")
    workspace = Workspace(environment, Path(exported)) if exported and applies else Workspace.of(environment)
    if environment == "local" and os.environ.get("AWS_ENDPOINT_URL"):
        from kennel.localcloud.connection import PATH_STYLE

        os.environ.update(PATH_STYLE)  # `local.env` prints it with --terraform only
    elif environment == "local":
        from kennel.localcloud import lifecycle

        status = lifecycle.status(LOCAL_CLOUD)
        if not status.ready:
            raise KennelError(
                "the local cloud is not running: run ./kennel local.up (or use an AWS environment: --env dev)"
            )
        os.environ.update(lifecycle.environment(status))
    return workspace
