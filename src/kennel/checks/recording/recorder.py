"""Records what this process executes of the measured folders, and writes it down when the process ends.

`startup/sitecustomize.py` loads it in each Python that has that folder on its path, before anything is
measured: it imports the standard library only, and `probes.py` where a module must be compiled. What not
every process needs is imported where it is used: hundreds of short ones are started.
"""

from __future__ import annotations

import atexit
import builtins
import marshal
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

REGISTER = "__kennel_register__"  # among the built-in names
VARIABLE = "COVERAGE_RECORDS"  # the folder of the records, then the measured folders
_PROBES = "_kennel_probes"
_PROBES_FILE = str(Path(__file__).with_name("probes.py"))
CODE = "code"  # beside that folder: modules that are compiled already

_marks: dict[str, list[int]] = {}
_load = SourceFileLoader.get_code


def start() -> None:
    """Record from now on what is imported from the measured folders, if `VARIABLE` is set."""
    folder, *sources = os.environ.get(VARIABLE, "").split(os.pathsep)
    if not folder:
        return
    prefixes = tuple(f"{source}{os.sep}" for source in sources)

    def load(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        path = os.path.abspath(loader.path)  # noqa: PTH100 - a Path for each imported module is slow
        measured = path.startswith(prefixes) and fullname != _PROBES
        return _compiled(folder, path) if measured else _load(loader, fullname)

    setattr(builtins, REGISTER, _register)
    # Imports, runpy and `spec_from_file_location` all ask it.
    SourceFileLoader.get_code = load  # type: ignore[assignment, method-assign]  # Python has no hook
    atexit.register(_write, folder)


def _register(path: str, size: int) -> list[int]:
    """Return the marks of a module; a module that is loaded twice has the same."""
    return _marks.setdefault(path, [0] * size)


def _compiled(folder: str, path: str) -> CodeType:
    """Return a module's code with marks; it is kept beside the folder of the records, as bytecode is."""
    import hashlib
    import tempfile

    files = [Path(file).stat() for file in (path, _PROBES_FILE)]
    stamp = f"{sys.version} {[(file.st_mtime_ns, file.st_size) for file in files]}"
    kept = Path(folder).parent / CODE / hashlib.sha256(path.encode()).hexdigest()
    if kept.exists():
        compiled_from, code = marshal.loads(kept.read_bytes())  # noqa: S302 - only recorders write there
        if compiled_from == stamp:
            assert isinstance(code, CodeType)
            return code
    code = _probed(path)
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
        file.write(marshal.dumps((stamp, code)))
    Path(file.name).replace(kept)  # other processes read it at any time
    return code


def _write(folder: str) -> None:
    """Write the indices of the marks that are set, by module."""
    import json
    import tempfile

    seen = {path: [index for index, mark in enumerate(marks) if mark] for path, marks in _marks.items()}
    with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".json", delete=False) as file:
        json.dump(seen, file)


def _probed(path: str) -> CodeType:
    """Compile a module with `probes.py`, which is loaded without its packages: these are to be measured."""
    import importlib.util

    if _PROBES not in sys.modules:
        spec = importlib.util.spec_from_file_location(_PROBES, _PROBES_FILE)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[_PROBES] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    code: CodeType = sys.modules[_PROBES].probe(Path(path).read_bytes(), path, REGISTER).compile(path)
    return code
