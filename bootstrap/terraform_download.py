"""Terraform: a release downloaded into .tools/, its checksum verified before it is unpacked."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import zipfile
from pathlib import Path

from bootstrap.output import CommandError, SetupError, print_message, run

HOST = "https://releases.hashicorp.com"
# From terraform_VERSION_SHA256SUMS, which HashiCorp publishes beside each release.
SHA256 = {
    "terraform_1.11.4_linux_amd64.zip": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "terraform_1.11.4_linux_arm64.zip": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    "terraform_1.11.4_darwin_amd64.zip": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "terraform_1.11.4_darwin_arm64.zip": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
}
GUIDE = "https://developer.hashicorp.com/terraform/install"
REMEDY = f"install it ({GUIDE}) or set KENNEL_TERRAFORM=/path/to/terraform"
AGAIN = f"run the same command again, or {REMEDY}"
# For machines without curl, which comes first: python.org's Python for macOS at first trusts no certificate.
DOWNLOAD = (
    "import shutil, sys, urllib.request as u; "
    "shutil.copyfileobj(u.urlopen(sys.argv[2], timeout=60), open(sys.argv[1], 'wb'))"
)


def download_terraform(release: str, reason: str, tools: Path) -> None:
    """Download the release into ``tools/terraform-RELEASE/terraform``; that folder is complete or absent.

    Parameters
    ----------
    release
        The version, such as 1.11.4.
    reason
        Why it must be downloaded, for the messages.
    tools
        The folder for downloaded programs.
    """
    target, part = tools / f"terraform-{release}", tools / "terraform.part"
    if (target / "terraform").exists():
        return
    name = f"terraform_{release}_{release_platform()}.zip"
    if name not in SHA256:
        raise SetupError(f"{reason}, and no release is pinned for {release_platform()}; {REMEDY}")
    print_message(f"{reason}; downloading {release}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    archive, log = part / name, tools / "terraform.log"
    log.unlink(missing_ok=True)
    curl = shutil.which("curl")
    command = (
        [curl, "-fsSL", "--retry", "2", "--connect-timeout", "15", "--max-time", "900", "-o"]
        if curl
        else [sys.executable, "-c", DOWNLOAD]
    )
    try:
        run(
            [*command, archive, f"{HOST}/terraform/{release}/{name}"],
            "downloading Terraform",
            log,
            environ=os.environ,
        )
    except CommandError as error:
        raise SetupError(f"{reason}, and {HOST} cannot be reached ({error}); {REMEDY}") from None
    unpack(archive, SHA256[name], part / "out")
    shutil.rmtree(target, ignore_errors=True)
    (part / "out").rename(target)
    shutil.rmtree(part)


def unpack(archive: Path, expected: str, folder: Path) -> None:
    """Unpack the program from the archive if that has the expected SHA-256."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != expected:
        raise SetupError(f"the downloaded Terraform has SHA-256 {digest}, not {expected}; {AGAIN}")
    try:
        with zipfile.ZipFile(archive) as release:
            Path(release.extract("terraform", folder)).chmod(0o755)
    except (zipfile.BadZipFile, KeyError) as error:
        raise SetupError(f"the downloaded Terraform cannot be unpacked ({error}); {AGAIN}") from None


def release_platform() -> str:
    """Return this machine as HashiCorp names it: linux_amd64, darwin_arm64."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"
