"""Where packages come from: pip's configuration, which companies set, as uv's variables, which uv reads.

uv reads no pip configuration. https://docs.astral.sh/uv/reference/environment/ lists its variables,
https://pip.pypa.io/en/stable/topics/configuration/ describes pip's files and ``PIP_*``.
"""

from __future__ import annotations

import ast
import ssl
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

# Set one of these, and the indexes are configured for uv itself: pip's are left aside.
INDEX_VARIABLES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
)
# Those would install into another place, or take torch from an index whose files have other hashes.
CONFLICTING_VARIABLES = (
    "CONDA_PREFIX",
    "UV_NO_PROGRESS",
    "UV_PYTHON",
    "UV_SYSTEM_PYTHON",
    "UV_TORCH_BACKEND",
    "VIRTUAL_ENV",
)


def uv_environ(environ: Mapping[str, str], python: Path) -> dict[str, str]:
    """Return the variables that uv runs with: the given ones, and pip's configuration in uv's words."""
    result = {name: value for name, value in environ.items() if name not in CONFLICTING_VARIABLES}
    for name, value in translate(pip_configuration(result, python), result).items():
        result.setdefault(name, value)
    if not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & result.keys() and _system_has_certificates():
        result.setdefault("UV_SYSTEM_CERTS", "true")  # as pip does; uv's own list lacks a company's authority
    # pip takes the best version of all indexes; uv by default only looks at the first index that has the
    # package. That protects from a package of the same name in another index, and so do the hashes: nothing
    # but the very files that requirements.txt names is installed, whichever index serves them.
    result.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return {**result, "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}


def pip_configuration(environ: Mapping[str, str], python: Path) -> dict[str, str]:
    """Return the settings of that Python's pip by option name (``index-url``), the most specific of each.

    A Python without pip may still have variables for it.
    """
    settings = {
        name[4:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and value
    }
    listed = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        env=dict(environ),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return parse_configuration(listed) | settings


def parse_configuration(listed: str) -> dict[str, str]:
    """Return what `pip config list` printed (``global.index-url='https://...'``) by option name.

    A command's own section comes before ``global``; sections of other commands than install do not count.
    """
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        for line in listed.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                settings[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return settings


def translate(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return uv's variables for pip's settings, without indexes if `environ` configures them for uv."""
    variables = {}
    if not any(environ.get(name) for name in INDEX_VARIABLES):
        # pip passes over a folder that is not there, uv ends with an error.
        links = [
            link for link in settings.get("find-links", "").split() if "://" in link or Path(link).exists()
        ]
        variables = {
            "UV_DEFAULT_INDEX": settings.get("index-url", ""),
            "UV_INDEX": " ".join(settings.get("extra-index-url", "").split()),
            "UV_FIND_LINKS": ",".join(links),
            "UV_NO_INDEX": "true"
            if settings.get("no-index", "").lower() in ("1", "true", "yes", "on")
            else "",
        }
    proxy = settings.get("proxy", "")
    variables |= {
        "SSL_CERT_FILE": settings.get("cert", ""),
        "SSL_CLIENT_CERT": settings.get("client-cert", ""),
        "UV_INSECURE_HOST": " ".join(settings.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": settings.get("timeout") or settings.get("default-timeout", ""),
        "HTTP_PROXY": proxy,
        "HTTPS_PROXY": proxy,
    }
    return {name: value for name, value in variables.items() if value}


def _system_has_certificates() -> bool:
    """Whether the machine has certificate authorities of its own; a bare container has none."""
    paths = ssl.get_default_verify_paths()
    folder = paths.capath and Path(paths.capath)
    return bool(sys.platform == "darwin" or paths.cafile or (folder and any(folder.iterdir())))
