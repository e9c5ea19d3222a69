"""One process of the AWS provider for all of Terraform's commands in a test run, whatever role each acts in.

A command with a provider of its own takes some five seconds of processor time before it does anything: it
computes the provider's checksum, starts it several times, and reads the descriptions of all of its types.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kennel.checks.schema_filter import filtered, named_types
from kennel.checks.shared_provider import PROVIDER, served

# Runs in place of Terraform: writes the command's environment to AWS's configuration file, and waits for the
# command before it, which may act in another role. The lock is Terraform's until it ends, however it ends.
_COMMAND = """#!{python} -IS
import fcntl, os, sys
private = lambda path, flags: os.open(path, flags, 0o600)
lock = private({lock!r}, os.O_CREAT | os.O_WRONLY)
fcntl.flock(lock, fcntl.LOCK_EX)
os.set_inheritable(lock, True)
with open({configuration!r}, "w", opener=private) as file:
    print("[default]", file=file)
    for name, variable in {settings!r}.items():
        if os.environ.get(variable):
            print(name, "=", os.environ[variable], file=file)
os.environ["TF_REATTACH_PROVIDERS"] = {address!r}
os.execvp({terraform!r}, [{terraform!r}, *sys.argv[1:]])
"""
_SETTINGS = {
    "region": "AWS_REGION",
    "endpoint_url": "AWS_ENDPOINT_URL",
    "max_attempts": "AWS_MAX_ATTEMPTS",
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
}


@contextmanager
def variables(root: Path, directory: Path, folder: Path) -> Iterator[dict[str, str]]:
    """Run a provider for Terraform's commands; yield the environment variables by which they use it.

    The checksum of the provider is not computed either; the check ``terraform validate`` compares it with the
    lock file's. There are no variables without a mirror of providers.

    Parameters
    ----------
    root
        The checkout; commands can use the types that its configurations name.
    directory
        The root module whose relative paths the provider reads.
    folder
        An empty folder, which belongs to this run of the provider.
    """
    mirror = os.environ.get("KENNEL_PROVIDER_MIRROR")
    if not mirror:
        yield {}
        return
    (program,) = Path(mirror).glob(f"{PROVIDER}/*/*/terraform-provider-aws*")
    settings = folder / "terraform.rc"
    settings.write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "hashicorp/aws" = "{program.parent}"\n  }}\n'
        "  direct {}\n}\n"
    )
    configuration, command = folder / "config", folder / "terraform"
    types = named_types(root / "terraform") | named_types(root / "tests")
    with served(program, directory, configuration) as provider, filtered(provider, types) as address:
        command.write_text(
            _COMMAND.format(
                python=sys.executable,
                lock=str(folder / "lock"),
                configuration=str(configuration),
                settings=_SETTINGS,
                terraform=os.environ.get("KENNEL_TERRAFORM") or "terraform",
                address=address,
            )
        )
        command.chmod(0o700)
        yield {"TF_CLI_CONFIG_FILE": str(settings), "KENNEL_TERRAFORM": str(command)}
