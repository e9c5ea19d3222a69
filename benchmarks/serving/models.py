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
    from kennel.serving import staging

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


def _graph(release: Path, network: torch.nn.Module, prepared: networks.Preprocessing, *, int8: bool) -> None:
    import openvino

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return self.network(prepared.to_input(pixels))

    side = prepared.crop
    graph = openvino.convert_model(
        Whole().eval(),
        example_input=torch.zeros(1, side, side, 3, dtype=torch.uint8),
        input=[("pixels", [1, side, side, 3], openvino.Type.u8)],
    )
    if int8:
        import nncf

        random = np.random.default_rng(0)
        pictures = [random.integers(0, 256, (1, side, side, 3), np.uint8) for _ in range(CALIBRATION)]
        graph = nncf.quantize(graph, nncf.Dataset(pictures), subset_size=CALIBRATION)
    openvino.save_model(graph, release / "graph.xml", compress_to_fp16=False)
