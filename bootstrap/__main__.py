"""`python -m bootstrap`: `kennel` becomes it when something is missing, and it becomes `kennel` again."""

from __future__ import annotations

import argparse
import errno
import fcntl
import os
import shutil
import signal
import sys
from pathlib import Path

from bootstrap.environments import SPACE_NEEDED, Builder, Environment
from bootstrap.installer import find_uv
from bootstrap.output import Interrupted, SetupError, handle_signals, print_message
from bootstrap.terraform_download import download_terraform

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / ".tools"


def parse(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return what the launcher asks for, and behind ``--`` the arguments that it was started with."""
    parser = argparse.ArgumentParser(prog="python -m bootstrap", description=__doc__)
    parser.add_argument("missing", nargs="+", choices=("main", "audit", "terraform"))
    parser.add_argument("--python", type=Path, required=True, help="makes the environments")
    parser.add_argument("--version", required=True, help="of that Python, such as 3.11.7")
    parser.add_argument("--terraform-release", required=True, help="what to download, such as 1.11.4")
    parser.add_argument("--terraform-reason", required=True, help="why it must be downloaded")
    end = words.index("--")
    return parser.parse_args(words[:end]), words[end + 1 :]


def main(request: argparse.Namespace) -> None:
    """Make what is missing."""
    environments = known_environments(request.missing, request.version)
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
        uv = find_uv(ROOT, TOOLS, request.python, request.version)
        builder = Builder(uv, request.python, TOOLS)
        for environment in environments:
            builder.build(environment)
    if "terraform" in request.missing:
        download_terraform(request.terraform_release, request.terraform_reason, TOOLS)
    os.close(lock)


def known_environments(names: list[str], version: str) -> list[Environment]:
    """Return the environments of those names, made with the Python of that version."""
    torch = os.environ.get("KENNEL_TORCH") or "default"
    if torch not in ("default", "cpu"):
        raise SetupError(
            f"KENNEL_TORCH is '{torch}'; set it to cpu, or unset it to take the build of requirements.txt"
        )
    main, audit = "everything but the Terraform audit", "the Terraform audit"
    known = {
        "main": Environment(ROOT / ".venv", ROOT / "requirements.txt", main, torch, version),
        "audit": Environment(ROOT / ".venv-audit", ROOT / "requirements-audit.txt", audit, "none", version),
    }
    return [known[name] for name in names if name in known]


def wait_for(lock: int) -> None:
    """Wait until no other set-up runs here; the kernel frees the lock when all that hold it have ended."""
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print_message("another start is setting up here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:  # going on is better than never starting
        print_message("this file system has no locks; start only one kennel at a time")


def explain(error: OSError) -> str:
    """Return the line for what the file system refused."""
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        remedy = f"make the checkout yours (sudo chown -R \"$USER\" '{ROOT}') or clone it elsewhere"
        return f"cannot write to {ROOT}; {remedy}"
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(ROOT).free
        return (
            f"the disk of {ROOT} is full during the set-up: {free / 1e9:.1f} GB are free, "
            f"{SPACE_NEEDED} are needed; free the rest and run the same command again"
        )
    return f"the set-up failed: {error}; correct the cause and run the same command again"


if __name__ == "__main__":
    handle_signals()
    del os.environ["PYTHONPATH"]  # the launcher's way to this package; no child's
    try:
        request, arguments = parse(sys.argv[1:])
        main(request)
    except SetupError as error:
        print_message(str(error))
        sys.exit(1)
    except OSError as error:
        print_message(explain(error))
        sys.exit(2)  # as the tasks do: the machine must be changed first
    except Interrupted as interrupted:
        print_message("stopped during the set-up; the same command continues it")
        sys.exit(128 + interrupted.number)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, which the launcher would inherit
    # By bash: the launcher may have been started so itself, without being executable.
    os.execvp("bash", ["bash", str(ROOT / "kennel"), *arguments])  # noqa: S606 - not a shell command line
