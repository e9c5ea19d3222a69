"""The path `/opt/ml` that programs in training containers use, and the folder that stands for it here.

Without containers each host has a folder of its own instead. `/opt/ml` in hyperparameters, variables, and
scripts is rewritten by the functions of this module; what a program puts together itself is refused by
`container_paths`.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

CONTAINER_ROOT = "/opt/ml"
MENTION = re.compile(r"/opt/ml(?=$|[^\w.-])")
SCRIPTS = (".py", ".sh", ".json", ".yaml", ".yml", ".toml", ".cfg", ".ini")
UNQUOTED = re.compile(r"[\w./@%+=:,-]+")


def rewrite_scripts(folder: Path, change: Callable[[str], str]) -> None:
    """Change the scripts and configuration files in a folder in place; what is no text stays as it is."""
    for script in sorted(folder.rglob("*")):
        if script.is_file() and _is_script(script):
            try:
                content = script.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            changed = change(content)
            if changed != content:
                script.write_text(changed, encoding="utf-8")


def _is_script(file: Path) -> bool:
    if file.suffix:
        return file.suffix in SCRIPTS
    with file.open("rb") as content:  # a program without a suffix names its interpreter
        return content.read(2) == b"#!"


class ContainerRoot:
    """One host's `/opt/ml`.

    The SDK's scripts put paths into shell commands without quotes; a folder whose name needs quoting is
    reached through a symbolic link that does not.

    Parameters
    ----------
    folder : Path
        The host's folder.
    links : Path
        Where such links are made: a folder whose path needs no quoting.
    """

    def __init__(self, folder: Path, links: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = self.path = folder
        self._link_folder: Path | None = None
        if not UNQUOTED.fullmatch(str(folder)):
            self._link_folder = Path(tempfile.mkdtemp(dir=links))
            self.path = self._link_folder / "ml"
            self.path.symlink_to(folder, target_is_directory=True)

    def text(self, content: str) -> str:
        """Return a text with `/opt/ml` replaced by this host's folder."""
        return MENTION.sub(lambda _: str(self.path), content)

    def local(self, path: str) -> Path:
        """Return the host's path for a path of the container.

        Raises
        ------
        ValueError
            It is not below `/opt/ml`.
        """
        relative = Path(path).relative_to(CONTAINER_ROOT)
        if ".." in relative.parts:
            raise ValueError(f"{path} is not below {CONTAINER_ROOT}")
        return self.path / relative

    def rewrite(self, folder: Path, **constants: str) -> None:
        """Rewrite the scripts in a folder.

        Parameters
        ----------
        folder
            Its scripts and configuration files are changed in place.
        constants
            Python module constants to replace, by name, with these source texts.
        """

        def change(content: str) -> str:
            changed = self.text(content)
            for name, value in constants.items():
                changed = re.sub(rf"(?m)^{name} = .*$", f"{name} = {value}", changed)
            return changed

        rewrite_scripts(folder, change)

    def close(self) -> None:
        """Remove the symbolic link, if there is one."""
        if self._link_folder:
            shutil.rmtree(self._link_folder, ignore_errors=True)
