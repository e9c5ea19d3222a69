"""What the launcher asks uv to install, and what it reports when that fails."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(
    ("error", "variables", "remedy"),
    [
        ("No space left on device (os error 28)", {}, "free 8 GB on the disk"),
        ("Hash mismatch for `something==1`", {}, "see which index serves that file"),
        ("Failed to fetch: http://127.0.0.1:9/simple/", {}, "check network, proxy and index"),
        ("there is no version of something==1", {"UV_OFFLINE": "1"}, "unset UV_OFFLINE"),
        ("something else", {}, "see .tools/.venv.log"),
    ],
)
def test_an_error_of_uv_is_one_line_with_its_remedy(
    checkout: Any, error: str, variables: dict[str, str], remedy: str
) -> None:
    done = checkout.start("data.check", FAKE_UV_FAILS=error, **variables)
    assert done.returncode == 1
    [_, line] = done.stderr.splitlines()
    assert f"it failed: {error}; {remedy}" in line


def test_every_package_is_checked_against_its_hash(checkout: Any) -> None:
    checkout.start("audit.code")
    assert len(checkout.installs()) == 2
    assert all("pip sync " in call and "--require-hashes" in call for call in checkout.installs())


def test_the_cpu_build_of_torch_comes_from_its_own_index(checkout: Any) -> None:
    done = checkout.start("data.check", KENNEL_TORCH="cpu", UV_FIND_LINKS="/wheels")
    assert done.returncode == 0, done.stderr
    torch, rest = checkout.installs()
    assert torch.endswith(
        "--no-deps --default-index https://download.pytorch.org/whl/cpu torch==2.14.1 torchvision==0.29.1"
    )
    assert "--require-hashes" in rest
    remaining = (checkout.root / ".tools/requirements-without-torch.txt").read_text()
    assert remaining == (
        "# compiled\nsomething==1 \\\n    --hash=sha256:11\n    # via -r requirements.in\n"
        "zipp==4.1.2 \\\n    --hash=sha256:66\n"
    )
    assert checkout.start("data.check", KENNEL_TORCH="cpu").stderr == ""


def test_another_build_of_torch_needs_another_environment(checkout: Any) -> None:
    checkout.start("data.check", KENNEL_TORCH="cpu")
    assert "making .venv" in checkout.start("data.check").stderr


def test_an_unreachable_index_of_cpu_builds_is_a_line_with_its_remedy(checkout: Any) -> None:
    done = checkout.start("data.check", KENNEL_TORCH="cpu", FAKE_NO_CPU_INDEX="1")
    assert done.returncode == 1
    assert "KENNEL_TORCH=cpu takes torch from https://download.pytorch.org/whl/cpu" in done.stderr
    assert "unset KENNEL_TORCH" in done.stderr.splitlines()[-1]


def test_an_unknown_build_of_torch_is_refused(checkout: Any) -> None:
    done = checkout.start("data.check", KENNEL_TORCH="rocm")
    assert done.returncode == 1
    assert "KENNEL_TORCH is 'rocm'" in done.stderr
