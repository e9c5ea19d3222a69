"""Slips of the command line: each ends with its exit code in one line that names a remedy.

`docs/slips.md` is the table of what these tests see. To write it anew:
``KENNEL_WRITE_DOCS=1 .venv/bin/python -m pytest tests/integration/commands/test_slips.py``
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from kennel import system_errors
from kennel.__main__ import main
from kennel.commands import task
from kennel.localcloud import host_limit

ROOT = Path(__file__).resolve().parents[3]
TABLE = ROOT / "docs" / "slips.md"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="its errors of full and read-only disks are Linux's"
)
WRITE = bool(os.environ.get("KENNEL_WRITE_DOCS"))  # read here: the tests unset such variables
FREE_BYTES = 12_000_000
# What a remedy looks like: a command, an option, or what to give in place of what was given.
REMEDY = re.compile(
    r"\./kennel |--[a-z]|\b(use|give|write|save|choose|free|rename|correct|export|delete|unset|set|install|"
    r"copy or download)\b"
)


@dataclass(frozen=True)
class Slip:
    """A command line, its exit code, and the variables that are set for it."""

    line: str
    code: int = 2
    variables: dict[str, str] = field(default_factory=dict)
    launcher: bool = False


NO_CLOUD = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}
NO_CREDENTIALS = {"AWS_REGION": "us-east-1"}
SLIPS = [
    # Names of tasks
    *(
        Slip(line)
        for line in ("trian", "Train", "stack", "stack apply", "stack.aply", "stack:plan", "local.start")
    ),
    *(Slip(line) for line in ("data", "''", "--lst", "--list nosuch", "--help nosuch", "help", "-x train")),
    # Options and arguments
    *(
        Slip(line)
        for line in ("train --epochz 3", "train --epochs", "train --data --spot", "train --spot=yes")
    ),
    *(
        Slip(line)
        for line in ("train dogs", "predict", "predict dog.jpg bird.jpg", "data.check", "completion")
    ),
    *(
        Slip(line)
        for line in ("completion fish", "train --env production", "stack.plan --json=yes", "train --env")
    ),
    Slip("stack.plan", variables={"KENNEL_ENV": "staging"}),
    # Costs
    *(
        Slip(line)
        for line in ("cost --env staging", "cost --region eu-north-1", "cost --compare sleep", "cost refresh")
    ),
    Slip("cost", variables={"KENNEL_ENV": "staging"}),
    Slip("cost --usage nosuch.toml", 1),
    *(Slip(f"capacity --{given}") for given in ("traffic wave", "trace nowhere.csv", "search")),
    *(
        Slip(f"capacity --{given}")
        for given in ("minimum 5 --maximum 2", "p99 soon", "trace dog.jpg --endpoint x")
    ),
    *(Slip(f"capacity --{given}", 1) for given in ("trace dog.jpg", "from-load dog.jpg")),
    *(Slip(f"capacity --{given}", 1) for given in ("region eu-north-1", "instance-type ml.c7i.large")),
    Slip("capacity --endpoint x", 1, NO_CREDENTIALS),
    Slip("cost.refresh", 1, NO_CREDENTIALS),
    Slip("cost.refresh", 1, NO_CLOUD),
    *(Slip(f"stack.{task} --yes", 2, NO_CLOUD) for task in ("sleep", "wake")),
    # Numbers
    *(
        Slip(f"train --{given}")
        for given in ("epochs abc", "epochs 0", "epochs 2.5", "epochs ''", "lr -1", "lr nan")
    ),
    *(Slip(f"train --{given}") for given in ("dropout 2", "batch-size 1e999", "seed -1", "instances 0")),
    *(Slip(f"train --{given}") for given in ("instances two", "instances 99")),
    *(Slip(f"tune --{given}") for given in ("parallel 99", "trials 0", "trials many")),
    *(Slip(f"predict dog.jpg --{given}") for given in ("top 0", "top five", "via phone")),
    *(Slip(f"data.sample --{given}") for given in ("classes 500", "classes 1", "train 0", "seed x")),
    *(Slip(f"ec2.train --{given}") for given in ("max-hours 0", "max-hours forever")),
    *(Slip(f"rollback --to {given}") for given in ("0", "r-0123456789ab")),
    *(Slip(f"local.up --port {port}") for port in ("http", "70000", "-1", "TAKEN")),
    *(
        Slip(line)
        for line in (
            "local.up --speed fast",
            "local.up --speed 5000",
            "local.up --launch soon",
            "local.clock --advance soon",
        )
    ),
    Slip("local.top --interval 0"),
    Slip("demo.scaling --speed 1"),
    # Names that others define
    *(Slip(f"train --{given}") for given in ("arch resnet51", "arch ResNet50", "weights imagenet")),
    *(Slip(f"train --instance-type {name}") for name in ("m5.xlarge", "ml.m9.huge", "big")),
    Slip("package --candidate 0123456789ab"),
    Slip("package --runtime int8"),
    Slip("train --data ../dogs"),
    Slip("train --data 'my dogs'"),
    Slip("train --best-of 'a\tb'"),
    # Photos
    *(
        Slip(f"predict {photo}")
        for photo in ("nowhere.jpg", "dog.jpeg", "empty.jpg", "cut-off.jpg", "bomb.png")
    ),
    *(
        Slip(f"predict {photo}")
        for photo in ("text.jpg", "animated.gif", "photos", "http://example.org/dog.jpg")
    ),
    Slip("rehearse --photo empty.jpg"),
    Slip("rehearse --photo https://example.org/dog.jpg"),
    # Folders and disks
    *(Slip(f"data.check {folder}") for folder in ("nowhere", "photo", "dog.jpg", "''")),
    Slip("data.check photos", code=1),
    *(Slip(f"data.split {given}") for given in ("", "nowhere", "photos --test 1.5", "photos --valid half")),
    Slip("data.split photos", code=1),
    *(Slip(f"data.split {name}", code=1) for name in ("loose", "lines", "case", "phone", "one")),
    *(Slip(f"playground --{given}") for given in ("port 99999", "via url")),
    Slip("rehearse --data nowhere"),
    Slip("rehearse"),  # on a disk that is almost full
    Slip("data.upload nowhere"),
    Slip("data.upload photos --name 'my dogs!'"),
    Slip("data.sample --directory dog.jpg/drawn --classes 2"),
    Slip("data.sample --directory /sys/drawn --classes 2"),
    Slip("data.fetch http://127.0.0.1:SERVER/large.zip --directory large"),
    Slip("data.fetch http://127.0.0.1:SERVER/small.zip --directory full"),
    Slip("data.fetch http://example.org/dogs.zip --directory dogs", code=1),
    # The local cloud and AWS
    Slip("stack.plan", code=1),
    Slip("predict dog.jpg", code=1),
    Slip("local.env --directory nowhere", code=1),
    Slip("local.status --directory damaged", code=1),
    Slip("local.clock --directory nowhere", code=1),
    Slip("local.top --directory nowhere", code=1),
    # Audits
    Slip("audit.access --directory nowhere", code=1),
    Slip("audit.access --events nosuch.json"),
    Slip("audit.access --events dog.jpg --look-up"),
    *(Slip(f"audit.access --{given}", code=1) for given in ("events dog.jpg", "exceptions dog.jpg")),
    Slip("stack.plan", variables=NO_CLOUD),
    Slip("stack.plan --env dev", variables=NO_CLOUD),
    Slip("stack.plan --env dev", code=1),
    Slip("stack.plan --env dev", code=1, variables=NO_CREDENTIALS),
    Slip("audit.account", code=1, variables=NO_CREDENTIALS),
    Slip("audit.account", code=1, variables=NO_CLOUD),
    Slip("audit.code --plan nosuch.json"),
    # The launcher
    Slip("--list", variables={"KENNEL_PYTHON": "my-python"}, launcher=True),
    Slip("stack.plan", variables={"KENNEL_TERRAFORM": "opentofu"}, launcher=True),
    Slip("stack.plan", variables={"KENNEL_PROVIDER_MIRROR": "/srv"}, launcher=True),
]


@dataclass(frozen=True)
class Seen:
    """How a slip ended."""

    slip: Slip
    code: int
    lines: list[str]

    @property
    def row(self) -> str:
        """Its row of the table."""
        variables = "".join(f"{name}={value} " for name, value in self.slip.variables.items())
        message = self.lines[-1].removeprefix("error ").replace("|", "\\|").replace("<", "&lt;")
        line = f"{variables}./kennel {self.slip.line}".replace("\t", "⇥")
        line = re.sub("SERVER|TAKEN", "PORT", line)
        return f"| `{line}` | {message} | {self.code} |"


def folder_of_slips(folder: Path) -> None:
    """Make the files that the slips name."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    for name in ("dog.jpg", "cat.jpg"):
        noise.save(folder / name)
    (folder / "empty.jpg").touch()
    (folder / "cut-off.jpg").write_bytes((folder / "dog.jpg").read_bytes()[:900])
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    (folder / "text.jpg").write_text("a text\n")
    noise.save(folder / "animated.gif", save_all=True, append_images=[noise.rotate(90)])
    (folder / "photos").mkdir()
    for name in (
        "lines/cat",
        "lines/big\ndog",
        "case/Cat",
        "case/cat",
        "phone/cat",
        "phone/dog",
        "one/cat",
        "loose",
    ):
        (folder / name).mkdir(parents=True)
        shutil.copy2(folder / "dog.jpg", folder / name / "1.jpg")
    (folder / "phone" / "cat" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    (folder / "damaged").mkdir()
    (folder / "damaged" / "service.json").write_text("{")
    (folder / "full.zip.part").symlink_to("/dev/full")


class Downloads(BaseHTTPRequestHandler):
    """A server with a small file and one of 800 MB, whose bytes are never sent."""

    def do_GET(self) -> None:
        size = 800_000_000 if "large" in self.path else 1000
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        if size == 1000:
            self.wfile.write(bytes(size))

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def run_here(words: list[str]) -> tuple[int, str]:
    """Run a command in this process: a new one costs a second."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(["kennel", *words])
        except SystemExit as ended:
            return int(ended.code or 0), printed.getvalue()
    return 0, printed.getvalue()


def run_launcher(words: list[str], folder: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Run a command through a launcher whose environments are not made."""
    root = folder / "checkout"
    root.mkdir(exist_ok=True)
    shutil.copy2(ROOT / "kennel", root)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    done = subprocess.run(
        [root / "kennel", *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Seen]]:
    """Run all slips, in a folder of their own, on a machine of fixed size, without a local cloud."""
    folder = tmp_path_factory.mktemp("slips")
    folder_of_slips(folder)
    handler = signal.getsignal(signal.SIGTERM)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Downloads)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = str(server.server_port)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(task, "LOCAL_CLOUD", folder / "localcloud")
        patch.setattr(host_limit, "cores", lambda: 2)
        patch.setattr(host_limit, "memory", lambda: 8_000_000_000)
        usage = shutil.disk_usage(folder)._replace(free=FREE_BYTES)
        patch.setattr(system_errors.shutil, "disk_usage", lambda path: usage)
        for name in list(os.environ):
            if name.startswith(("AWS_", "KENNEL_", "TF_")):
                patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(folder / "none"))
        ended = []
        for slip in SLIPS:
            words = [re.sub("SERVER|TAKEN", port, word) for word in shlex.split(slip.line)]
            # A task may set variables, which end with its process; here all run in one.
            with mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as variables:
                for name, value in slip.variables.items():
                    variables.setenv(name, value)
                if slip.launcher:
                    code, printed = run_launcher(words, folder, slip.variables)
                else:
                    code, printed = run_here(words)
            for text, shown in ((str(folder), "/home/me"), (str(ROOT), "/home/me/kennel"), (port, "PORT")):
                printed = printed.replace(text, shown)
            printed = re.sub(r"\b(linux|darwin)_(amd64|arm64)\b", "PLATFORM", printed)
            ended.append(Seen(slip, code, printed.splitlines()))
        yield ended
    server.shutdown()
    server.server_close()
    signal.signal(signal.SIGTERM, handler)


def test_there_are_many_slips() -> None:
    assert len({(slip.line, *slip.variables) for slip in SLIPS}) >= 60


def test_each_slip_has_its_exit_code(seen: list[Seen]) -> None:
    assert [(end.row, end.slip.code) for end in seen if end.code != end.slip.code] == []


def test_each_slip_is_one_line_without_a_traceback(seen: list[Seen]) -> None:
    def is_error(line: str) -> bool:
        return line.startswith(("error ", "kennel: "))

    for end in seen:
        assert [is_error(line) for line in end.lines].count(True) == 1, end
        assert is_error(end.lines[-1]), end
        assert not any("Traceback" in line or "fault of Kennel" in line for line in end.lines), end
        if not re.match(r"data\.|local\.", end.slip.line):  # those may have begun, and shown their progress
            assert len(end.lines) == 1, end


def test_each_slip_names_a_remedy(seen: list[Seen]) -> None:
    assert [end.row for end in seen if not REMEDY.search(end.lines[-1])] == []


def test_the_table_is_what_was_seen(seen: list[Seen]) -> None:
    head = TABLE.read_text(encoding="utf-8").partition("| you write |")[0]
    rows = ["| you write | it says | exit code |", "|---|---|---|", *(end.row for end in seen)]
    text = head + "\n".join(rows) + "\n"
    if WRITE:
        TABLE.write_text(text, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == text, "write it anew: see the head of this file"
