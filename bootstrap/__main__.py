"""`python -m bootstrap`: what `kennel` becomes when something is missing, and what then becomes `kennel` again.

Arguments: what is missing ("main audit terraform" or some of them), the release of Terraform, the reason for
its download, then the launcher's own arguments.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from pathlib import Path

from bootstrap.environments import Builder, Environment
from bootstrap.installer import find_uv
from bootstrap.output import Interrupted, SetupError, handle_signals, say
from bootstrap.terraform_download import download_terraform

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"


def main(missing: list[str], terraform_release: str, terraform_reason: str) -> None:
    """Make what is missing."""
    environments = known_environments(missing)
    for environment in environments:
        if not environment.requirements.exists():
            name = environment.requirements.name
            raise SetupError(f"{name} is missing; restore it: git checkout -- {name}")
    TOOLS.mkdir(exist_ok=True)
    lock = os.open(TOOLS / "setup.lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(lock, True)
    wait_for(lock)
    # Another start may have made them while this one waited.
    if environments := [environment for environment in environments if not environment.ready]:
        builder = Builder(find_uv(ROOT, TOOLS), TOOLS)
        for environment in environments:
            builder.build(environment)
    if "terraform" in missing:
        download_terraform(terraform_release, terraform_reason, TOOLS)
    os.close(lock)


def known_environments(names: list[str]) -> list[Environment]:
    """Return the environments of those names."""
    torch = os.environ.get("KENNEL_TORCH") or "default"
    if torch not in ("default", "cpu"):
        raise SetupError(
            f"KENNEL_TORCH is '{torch}'; set it to cpu, or unset it to take the build of requirements.txt"
        )
    known = {
        "main": Environment(
            ROOT / ".venv", ROOT / "requirements.txt", "everything but the Terraform audit", torch
        ),
        "audit": Environment(
            ROOT / ".venv-audit", ROOT / "requirements-audit.txt", "the Terraform audit", "none"
        ),
    }
    return [known[name] for name in names if name in known]


def wait_for(lock: int) -> None:
    """Wait until no other set-up runs here; the kernel frees the lock when all that hold it have ended."""
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another start is setting up here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # going on is better than never starting
        say("this file system has no locks; start only one kennel at a time")


def explain(error: OSError) -> str:
    """Return the line for what the file system refused."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        remedy = f"make the checkout yours (sudo chown -R \"$USER\" '{ROOT}') or clone it elsewhere"
        return f"cannot write to {ROOT}; {remedy}"
    if error.errno == errno.ENOSPC:
        return f"the disk of {ROOT} is full; free 8 GB and run the same command again"
    return f"the set-up failed: {error}; correct the cause and run the same command again"


if __name__ == "__main__":
    handle_signals()
    try:
        main(sys.argv[1].split(), sys.argv[2], sys.argv[3])
    except SetupError as error:
        say(str(error))
        sys.exit(1)
    except OSError as error:
        say(explain(error))
        sys.exit(1)
    except Interrupted as interrupted:
        say("stopped during the set-up; the same command continues it")
        sys.exit(128 + interrupted.number)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, which the launcher would inherit
    os.execv(ROOT / "kennel", [str(ROOT / "kennel"), *sys.argv[4:]])  # noqa: S606 - no shell is meant
