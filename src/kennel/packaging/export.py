"""A trained network as an OpenVINO graph: uint8 pixels in, logits out; normalisation and prior are in it.

The same model gives the same bytes. Names that OpenVINO makes up count up within a process, so operations are
named anew, by their type and their place in the graph.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.serving.model import DESCRIPTION
from kennel.serving.runtimes import GRAPH, silence_telemetry

if TYPE_CHECKING:
    from kennel.classifier.networks import Network, Preprocessing

INPUT, OUTPUT = "pixels", "logits"


def graph_of(trained: Path) -> Any:
    """Return the graph of a trained model's folder.

    Parameters
    ----------
    trained
        Holds ``model.json`` and ``model.pth``.

    Raises
    ------
    TrainingError
        The files do not describe a network.
    """
    from kennel.classifier import networks, weights

    description = json.loads((trained / DESCRIPTION).read_text(encoding="utf-8"))
    network, prepared = networks.from_description(description, weights.read_state(trained / "model.pth"))
    return convert(network, prepared)


def convert(network: Network, prepared: Preprocessing) -> Any:
    """Return the graph of a network: uint8 (1, crop, crop, 3), RGB, to float32 logits (1, classes)."""
    import torch

    silence_telemetry()
    import openvino

    class Served(torch.nn.Module):
        """The network behind its preprocessing."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(prepared.to_input(pixels))
            return logits

    shape = (1, prepared.crop, prepared.crop, 3)
    example = torch.zeros(shape, dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        # PyTorch deprecates its tracer, which OpenVINO uses, and warns of sizes that become constants: of the
        # crop's side and the number of classes, which are.
        warnings.simplefilter("ignore")
        # Not traced twice to compare: what the graph answers is compared with the network's answers later.
        traced = torch.jit.trace(Served().eval(), (example,), strict=False, check_trace=False)
        graph = openvino.convert_model(traced, example_input=example, input=list(shape))
    return canonical(graph)


def canonical(graph: Any) -> Any:
    """Name a graph's operations by type and place, its input `INPUT` and its output `OUTPUT`; return it."""
    for place, operation in enumerate(graph.get_ordered_ops()):
        operation.set_friendly_name(f"{operation.get_type_name()}_{place}")
    graph.set_friendly_name("kennel")
    graph.inputs[0].get_tensor().set_names({INPUT})
    graph.outputs[0].get_tensor().set_names({OUTPUT})
    return graph


def save(graph: Any, folder: Path) -> Path:
    """Write ``graph.xml`` and ``graph.bin`` into a folder; return it."""
    import openvino

    folder.mkdir(parents=True, exist_ok=True)
    openvino.save_model(graph, folder / GRAPH, compress_to_fp16=False)
    return folder
