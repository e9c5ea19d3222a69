"""What every task shares: ``--json``, ``--verbose``, ``--env``, one-line errors, exit codes."""

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
    """Make a task of a function: adds ``--json`` and ``--verbose``, one-line errors, exit codes.

    Parameters
    ----------
    positional
        Arguments given without their names.
    leading
        An argument that may be given first without its name, or left out (invoke's own positional
        arguments cannot be left out).
    cloud
        Add ``--env``, hand the body a ``workspace``, and find the environment variables of the
        local cloud, so that nothing has to be exported to rehearse by hand.
    called
        The task's name where a function could not bear it.
    help_
        The help of each argument.

    Notes
    -----
    A body that prints something of its own on standard output takes ``as_json`` to know when
    not to.
    """

    def decorate(body: Callable[..., Any]) -> Any:
        own = list(inspect.signature(body).parameters.values())
        names = {parameter.name for parameter in own}
        option = functools.partial(inspect.Parameter, kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
        extra = [option("json", default=False), option("verbose", default=False)]
        if cloud:
            extra.insert(0, option("env", default=os.environ.get("KENNEL_ENV", "local")))
        texts = {
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

                    terminal.emit(document)
                if isinstance(document, dict) and document.get("ok") is False:
                    raise SystemExit(1)

        parameters = [parameter for parameter in own if parameter.name not in ("workspace", "as_json")]
        context = option("context")
        run.__signature__ = inspect.Signature([context, *parameters, *extra])  # type: ignore[attr-defined]
        made: Any = task(
            run, name=called, positional=positional, help={**help_, **texts}, auto_shortflags=False
        )
        made.leading = leading
        return made

    return decorate


class _reported:  # noqa: N801 - reads as a statement: with _reported(verbose)
    """Turn an error into one line and an exit code."""

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
            terminal.fail("interrupted")
            raise SystemExit(130) from None
        message = _one_line(error)
        if message is None:
            return
        terminal.fail(message)
        raise SystemExit(1) from None


def _one_line(error: BaseException) -> str | None:
    """Return what a person should read; None for a fault of the program, which keeps its traceback."""
    if isinstance(error, KennelError):
        return str(error)
    if "botocore" in sys.modules:
        from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

        if isinstance(error, NoCredentialsError):
            return "no AWS credentials: run aws sso login (or aws configure), or rehearse with --env local"
        if isinstance(error, EndpointConnectionError):
            return f"{error} Is the local cloud up? ./kennel local.up"
        if isinstance(error, ClientError):
            details = error.response["Error"]
            return f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
    return str(error) if isinstance(error, OSError) else None


def _workspace(environment: str) -> Any:
    from kennel.aws.session import Workspace

    shell = os.environ.get("KENNEL_WORKSPACE")  # what `local.env` exported, beside KENNEL_ENV
    same = shell and environment == os.environ.get("KENNEL_ENV")
    workspace = Workspace(environment, Path(shell)) if shell and same else Workspace.of(environment)
    if environment == "local" and not os.environ.get("AWS_ENDPOINT_URL"):
        from kennel.localcloud import lifecycle

        status = lifecycle.status(LOCAL_CLOUD)
        if not status.ready:
            raise KennelError(
                "the local cloud does not run: ./kennel local.up (or name an AWS environment: --env dev)"
            )
        os.environ.update(lifecycle.environment(status))
    return workspace
