"""Gives Terraform one process of the AWS provider: ``python -m kennel.checks.shared_provider terraform …``.

Terraform computes the checksum of the provider's 700 MB for each command, starts the provider several times
for each run of a test, and reads the descriptions of all of its types. Here it is started once, in the mode
that it has for debuggers, and Terraform gets its address, with the descriptions that it needs.
``terraform init`` has installed it into ``TF_DATA_DIR`` before, and checked the checksum.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kennel.checks.schema_filter import filtered, named_types
from kennel.checks.terraform_style import LOCK, blocks
from kennel.errors import KennelError

PROVIDER = "registry.terraform.io/hashicorp/aws"
_ADDRESS = re.compile(rb"TF_REATTACH_PROVIDERS='(?P<address>[^']+)'")
_STOP_SECONDS = 10.0
# What writes traces of all requests unless Terraform, which starts it otherwise, says how much it reads.
_LOGS = (
    "PROVIDER",
    "SDK",
    "SDK_FRAMEWORK",
    "SDK_HELPER_RESOURCE",
    "SDK_HELPER_SCHEMA",
    "SDK_MUX",
    "SDK_PROTO",
)


class ProviderError(KennelError):
    """The provider is not installed, or does not start."""


def installed(terraform: Path, data: Path) -> Path:
    """Return the provider's program, of the version in the lock file.

    Parameters
    ----------
    terraform
        The root module, with the lock file.
    data
        Terraform's working data, where ``terraform init`` installs providers.

    Raises
    ------
    ProviderError
        There is none.
    """
    version: str = blocks(terraform / LOCK, "provider")[PROVIDER]["version"]
    folder = data / "providers" / PROVIDER / version
    program = next(folder.glob("*/terraform-provider-aws*"), None)
    if program is None:
        raise ProviderError(f"there is no provider in {folder}: run terraform init")
    return program


@contextmanager
def served(program: Path, directory: Path | None = None, configuration: Path | None = None) -> Iterator[str]:
    """Run a provider while the context lasts; yield the value of ``TF_REATTACH_PROVIDERS`` that leads to it.

    Parameters
    ----------
    directory
        The root module whose relative paths it reads, as Terraform does; None is the current folder.
    configuration
        AWS's configuration file, which it reads for each command instead of variables of this process.

    Raises
    ------
    ProviderError
        It ended before it printed its address.
    """
    # A provider that is configured a second time fails with AWS_CA_BUNDLE; no run of the tests calls AWS.
    environment = {name: value for name, value in os.environ.items() if name != "AWS_CA_BUNDLE"}
    if configuration:
        environment = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
        environment |= {"AWS_CONFIG_FILE": str(configuration), "AWS_EC2_METADATA_DISABLED": "true"}
    environment.update({f"TF_LOG_{name}": "off" for name in _LOGS})
    with subprocess.Popen(
        [str(program), "-debug"],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        try:
            address = next((match for line in process.stdout if (match := _ADDRESS.search(line))), None)
            if address is None:
                raise ProviderError(f"{program} -debug ended without an address: exit code {process.wait()}")
            yield address["address"].decode()
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def main(command: list[str]) -> int:
    """Run a command of Terraform in the current folder, a checkout; return its exit code."""
    terraform = Path("terraform")
    data = Path(os.environ.get("TF_DATA_DIR", terraform / ".terraform"))
    try:
        types = named_types(terraform)
        with served(installed(terraform, data)) as provider, filtered(provider, types) as address:
            return subprocess.run(
                command, env={**os.environ, "TF_REATTACH_PROVIDERS": address}, check=False
            ).returncode
    except ProviderError as error:
        print(error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
