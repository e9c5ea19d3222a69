"""What is served: an architecture with random weights, packaged as in courses and as releases.

How fast a network is does not depend on its weights.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import course_handler
import numpy as np
import torch

from kennel.classifier import labels, networks
from kennel.classifier.networks import Network, Preprocessing
from kennel.packaging import export, quantise
from kennel.serving import staging

SOURCE = Path(__file__).resolve().parents[2] / "src" / "kennel"
CALIBRATION = 16  # pictures; the ranges that they give do not change how long the graph takes


def course_archive(folder: Path, arch: str) -> Path:
    """Make ``folder``/model as the container unpacks the archive that courses make; return the folder."""
    torch.manual_seed(0)
    model, code = folder / "model", folder / "model" / "code"
    code.mkdir(parents=True)
    classes = len(labels.breeds())
    shutil.copyfile(course_handler.__file__, code / "inference.py")
    (model / "model.json").write_text(json.dumps({"arch": arch, "classes": classes}))
    torch.save(course_handler.network(arch, classes).state_dict(), model / "model.pth")
    if arch == "efficientnet_lite0":
        package = code / "kennel"
        shutil.copytree(SOURCE / "classifier", package / "classifier")
        for name in ("__init__.py", "errors.py"):
            shutil.copyfile(SOURCE / name, package / name)
    return folder


def releases(folder: Path, arch: str, runtimes: list[str]) -> dict[str, Path]:
    """Make the unpacked release of each runtime; return their folders."""
    torch.manual_seed(0)
    network = networks.build(arch, len(labels.breeds())).eval()
    torch.nn.init.normal_(network.head.layers[-1].weight, std=0.02)
    prepared = networks.preprocessing(arch)
    description = networks.description(network, arch, tuple(labels.breeds()), 0, 0.2)
    made = {}
    for runtime in runtimes:
        release = made[runtime] = folder / runtime
        release.mkdir(parents=True)
        (release / "model.json").write_text(json.dumps(description))
        (release / "release.json").write_text(json.dumps({"id": f"r-{runtime}", "runtime": runtime}))
        staging.stage(release, classifier=runtime == "torch")
        if runtime == "torch":
            torch.save(network.state_dict(), release / "model.pth")
        else:
            _graph(release, network, prepared, int8=runtime == "openvino-int8")
    return made


def _graph(release: Path, network: Network, prepared: Preprocessing, *, int8: bool) -> None:
    graph = export.convert(network, prepared)
    if int8:
        random, shape = np.random.default_rng(0), (1, prepared.crop, prepared.crop, 3)
        graph = quantise.quantise(
            graph, [random.integers(0, 256, shape, np.uint8) for _ in range(CALIBRATION)]
        )
    export.save(graph, release)
