"""`/opt/ml` becomes a host's own folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kennel.localcloud.runtime.opt_ml import ContainerRoot


def test_only_the_containers_root_is_replaced(tmp_path: Path) -> None:
    root = ContainerRoot(tmp_path / "algo-1", tmp_path)
    text = 'cd /opt/ml/input; M="/opt/ml"; x=/opt/mlflow; y=/opt/ml-data; z=/opt/ml.d'
    here = root.path
    assert root.text(text) == f'cd {here}/input; M="{here}"; x=/opt/mlflow; y=/opt/ml-data; z=/opt/ml.d'


def test_scripts_are_rewritten_and_other_files_are_not(tmp_path: Path) -> None:
    root = ContainerRoot(tmp_path / "algo-1", tmp_path)
    drivers = tmp_path / "drivers" / "scripts"
    drivers.mkdir(parents=True)
    (drivers / "environment.py").write_text('A = "/opt/ml/model"\nSM_MASTER_ADDR = "algo-1"\nPORT = 7777\n')
    (drivers / "weights.bin").write_bytes(b"/opt/ml\xff")
    root.rewrite(tmp_path / "drivers", SM_MASTER_ADDR='"127.0.0.1"', PORT="4242")
    assert (drivers / "environment.py").read_text() == (
        f'A = "{root.path}/model"\nSM_MASTER_ADDR = "127.0.0.1"\nPORT = 4242\n'
    )
    assert (drivers / "weights.bin").read_bytes() == b"/opt/ml\xff"


def test_a_folder_that_a_shell_would_split_is_reached_without_quotes(tmp_path: Path) -> None:
    root = ContainerRoot(tmp_path / "my dogs' $HOME", tmp_path)
    (root.path / "model").mkdir()
    script = root.text("cd /opt/ml/model\necho fine > /opt/ml/model/report")
    subprocess.run(["bash", "-ec", script], check=True)
    assert (tmp_path / "my dogs' $HOME" / "model" / "report").read_text() == "fine\n"
    link = root.path
    root.close()
    assert not link.exists()
    assert (tmp_path / "my dogs' $HOME" / "model" / "report").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "/opt/ml/../../etc", "/opt/mlflow"])
def test_a_path_outside_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match=r"is not (below|in the subpath)"):
        ContainerRoot(tmp_path / "algo-1", tmp_path).local(path)
