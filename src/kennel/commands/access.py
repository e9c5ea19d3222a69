"""The task `audit.access`: what roles do with what they may."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from kennel.commands.known_names import TextFile
from kennel.commands.task import REHEARSAL, ROOT, kennel_task
from kennel.commands.values import FilePath, Number
from kennel.errors import UsageError

if TYPE_CHECKING:
    from kennel.audit.access.recorded import Recording
    from kennel.audit.access.roles import Role

PAGE = ROOT / "build" / "audit" / "access.html"
EXCEPTIONS = ROOT / "policies" / "access_exceptions.toml"


@kennel_task(
    directory="folder of a local cloud (default: the rehearsal's)",
    events="a file of CloudTrail events, JSON or gzipped, in place of a local cloud's audit log",
    look_up="ask CloudTrail for the events of the last hours, in place of a local cloud's audit log",
    hours="how far back --look-up goes",
    roles="a file with the roles, as aws iam get-account-authorization-details writes it (default: ask IAM)",
    stack="only the roles with this value of the tag Stack",
    role="show one role's calls and grants, by its name without stack and region",
    exceptions="the file of exceptions",
    strict="exceptions that say what uses a grant do not count: all of that has happened",
    policies="folder to which each policy is written as it is, and as the calls require it",
    page="where the page is written",
)
def access(
    directory: str = str(REHEARSAL / "cloud"),
    events: Annotated[str | None, TextFile("of CloudTrail events")] = None,
    look_up: bool = False,
    hours: Annotated[float, Number(0.1, 2160, whole=False)] = 24.0,
    roles: Annotated[str | None, TextFile("of roles")] = None,
    stack: str | None = None,
    role: str | None = None,
    exceptions: Annotated[str, TextFile("of exceptions")] = str(EXCEPTIONS),
    strict: bool = False,
    policies: str | None = None,
    page: Annotated[str, FilePath()] = str(PAGE),
) -> dict[str, Any]:
    """Compare what each role called with what it is granted; exit code 1 for a denial or a needless grant."""
    from kennel import terminal
    from kennel.audit.access import analysis, summary, tightest
    from kennel.audit.access import exceptions as exceptions_file
    from kennel.commands import access_text
    from kennel.localcloud import redecision
    from kennel.report import access_page

    if events and look_up:
        raise UsageError("give --events or --look-up, not both")
    excepted = exceptions_file.read(Path(exceptions))
    of_aws = bool(events) or look_up
    with terminal.progress("audit.access") as progress:
        recording = _recording(Path(directory), Path(events) if events else None, look_up, hours)
        known = _roles(Path(roles) if roles else None, None if of_aws else Path(directory), stack)
        result = analysis.analyse(recording, known, excepted, redecision.allows, progress, strict=strict)
    document = summary.as_dict(result)
    if policies:
        document["policies"] = [
            str(path) for path in tightest.write(Path(policies), result, redecision.allows)
        ]
    access_text.show(document, role)
    terminal.print_line(f"page: {access_page.write(Path(page), document)}")
    return document


def _recording(directory: Path, events: Path | None, look_up: bool, hours: float) -> Recording:
    """Return the calls: of CloudTrail's file, of CloudTrail itself, or of a local cloud's audit log."""
    from kennel.audit.access import cloudtrail, recorded
    from kennel.aws import session
    from kennel.localcloud import AUDIT_LOG

    if not events and not look_up:
        return recorded.of_audit_log(directory / AUDIT_LOG)
    from kennel.localcloud.trail_permissions import permissions_of

    if events:
        return cloudtrail.of_file(events, permissions_of)
    return cloudtrail.look_up(session.client("cloudtrail"), hours, permissions_of)


def _roles(file: Path | None, directory: Path | None, stack: str | None) -> list[Role]:
    """Return the roles: of a file, of the account, or those that a rehearsal saved before it destroyed them.

    Parameters
    ----------
    directory
        That of a local cloud; None for AWS.
    """
    from kennel.audit.access import roles
    from kennel.aws import session
    from kennel.localcloud import lifecycle

    if file:
        return roles.read(roles.load(file), stack)
    if directory:
        status = lifecycle.status(directory)
        if not status.ready:
            return roles.read(roles.load(directory / roles.FILE), stack)
        os.environ.update(lifecycle.environment(status))
    return roles.read(roles.fetch(session.client("iam")), stack)
