"""The common part of all tasks: ``--json``, ``--verbose``, ``--env``, one-line errors, exit codes."""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke import Context, task

from kennel.errors import KennelError

ROOT = Path(__file__).resolve().parents[3]
LOCAL_CLOUD = ROOT / "build" / "localcloud"
REHEARSAL = ROOT / "build" / "rehearsal"
ENVIRONMENT_HELP = "local, dev or prod (default: $KENNEL_ENV, else local)"


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
        An optional argument that may be given first without its name (invoke's own positional
        arguments are required).
    cloud
        Add ``--env``, pass a ``workspace`` to the function, and for ``local`` set the environment
        variables of the running local cloud, so that the user need not export them.
    called
        The task's name if it is not a valid name of a function.
    help_
        The help text of each argument.

    Notes
    -----
    A function that prints on standard output itself has a parameter ``as_json``: it must not print if
    that is true.
    """

    def decorate(body: Callable[..., Any]) -> Any:
        declared = list(inspect.signature(body).parameters.values())
        names = {parameter.name for parameter in declared}
        option = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
        common = [option("json", default=False), option("verbose", default=False)]
        if cloud:
            common.insert(0, option("env", default=os.environ.get("KENNEL_ENV", "local")))
        common_help = {
            "json": "print one JSON document on standard output",
            "verbose": "show the traceback of an error",
            **({"env": ENVIRONMENT_HELP} if cloud else {}),
        }

        @functools.wraps(body)
        def run(_: Context, **arguments: Any) -> None:
            as_json, verbose = arguments.pop("json"), arguments.pop("verbose")
            with _reported(verbose):
                if cloud:
                    arguments["workspace"] = _workspace(arguments.pop("env"))
                if "as_json" in names:
                    arguments["as_json"] = as_json
                document = body(**arguments)
                if as_json and document is not None:
                    from kennel import terminal

                    terminal.print_json(document)
                if isinstance(document, dict) and document.get("ok") is False:
                    raise SystemExit(1)

        parameters = [parameter for parameter in declared if parameter.name not in ("workspace", "as_json")]
        context = option("context")
        run.__signature__ = inspect.Signature([context, *parameters, *common])  # type: ignore[attr-defined]
        invoke_task: Any = task(
            run, name=called, positional=positional, help={**help_, **common_help}, auto_shortflags=False
        )
        invoke_task.leading = leading
        return invoke_task

    return decorate


class _reported:  # noqa: N801 - used like a function: with _reported(verbose)
    """Report an error in one line and exit with its code."""

    def __init__(self, verbose: bool) -> None:
        self.verbose = verbose

    def __enter__(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is None or isinstance(error, SystemExit):
            return
        from kennel import terminal

        if self.verbose:
            traceback.print_exception(kind, error, trace)
        if isinstance(error, KeyboardInterrupt):
            terminal.print_error("interrupted")
            raise SystemExit(130) from None
        message = _message(error)
        if message is None:
            return
        terminal.print_error(message)
        raise SystemExit(1) from None


def _message(error: BaseException) -> str | None:
    """Return the message for the user; None for an error in the program, which keeps its traceback."""
    if isinstance(error, KennelError):
        return str(error)
    if "botocore" in sys.modules:
        from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

        if isinstance(error, NoCredentialsError):
            return "no AWS credentials: run aws sso login (or aws configure), or rehearse with --env local"
        if isinstance(error, EndpointConnectionError):
            return f"{error} Is the local cloud running? Start it: ./kennel local.up"
        if isinstance(error, ClientError):
            details = error.response["Error"]
            return f"AWS rejected {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    return str(error) if isinstance(error, OSError) else None


def _workspace(environment: str) -> Any:
    """Return the workspace of an environment; for ``local``, set the local cloud's variables."""
    from kennel.aws.session import Workspace

    exported = os.environ.get("KENNEL_WORKSPACE")  # by `local.env`, together with KENNEL_ENV
    applies = exported and environment == os.environ.get("KENNEL_ENV")
    workspace = Workspace(environment, Path(exported)) if exported and applies else Workspace.of(environment)
    if environment == "local" and not os.environ.get("AWS_ENDPOINT_URL"):
        from kennel.localcloud import lifecycle

        status = lifecycle.status(LOCAL_CLOUD)
        if not status.ready:
            raise KennelError(
                "the local cloud is not running: run ./kennel local.up (or use an AWS environment: --env dev)"
            )
        os.environ.update(lifecycle.environment(status))
    return workspace
