"""Sign-off with networks that are small and real: int8 that passes, and that falls back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kennel.classifier.networks import Preprocessing
from kennel.packaging import DRAWN, PATTERNS, VALIDATION, Progress, export, quantise, sign_off
from kennel.packaging.sign_off import Measured, SignOff
from kennel.serving.runtime_names import OPENVINO, OPENVINO_INT8, TORCH

PREPARED = Preprocessing(36, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
CLASSES = 3
OFFSET = 1000.0


class Colours(nn.Module):
    """Names the strongest channel; an offset drowns the differences in the step of an int8 activation."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.first = nn.Conv2d(CLASSES, CLASSES, 3, padding=1)
        self.last = nn.Conv2d(CLASSES, CLASSES, 1)
        self.offset = offset
        for layer in (self.first, self.last):
            nn.init.dirac_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        means = torch.relu(self.first(pixels)).mean((2, 3), keepdim=True)
        return self.last(means + self.offset).flatten(1) - self.offset


def measured(network: nn.Module, *, source: str = VALIDATION, photos: int = 30) -> Measured:
    """Return pictures with one stronger channel, by a little, and what the network answers."""
    numbers = np.random.default_rng(0)
    labels = np.arange(photos) % CLASSES
    pixels = []
    for label in labels:
        picture = numbers.integers(150, 160, (1, PREPARED.crop, PREPARED.crop, 3))
        picture[..., label] += 60
        pixels.append(picture.astype(np.uint8))
    with torch.inference_mode():
        eager = [network(PREPARED.to_input(torch.from_numpy(picture))).numpy() for picture in pixels]
    return Measured(pixels, labels, np.concatenate(eager), source)


@pytest.fixture
def signed(tmp_path: Path) -> Callable[..., tuple[SignOff, Path | None]]:
    """Return a function that signs a network off."""

    def sign(
        network: nn.Module, report: Progress = lambda line: None, **options: str
    ) -> tuple[SignOff, Path | None]:
        graph = export.convert(network.eval(), PREPARED)
        return sign_off.choose(graph, measured(network, **options), OPENVINO_INT8, tmp_path / "work", report)

    return sign


def test_int8_that_agrees_serves(signed: Callable) -> None:
    chosen, folder = signed(Colours(0.0))

    assert (chosen.runtime, chosen.int8["method"]) == (OPENVINO_INT8, "post-training")
    assert (chosen.int8["agreement"], chosen.int8["top1"], chosen.int8["top1_fp32"]) == (1.0, 1.0, 1.0)
    assert chosen.graph["passed"]
    assert folder is not None
    assert '"FakeQuantize"' in (folder / "graph.xml").read_text()


def test_int8_that_fails_the_gate_is_restored_and_else_falls_back_to_fp32(signed: Callable) -> None:
    lines: list[str] = []
    chosen, folder = signed(Colours(OFFSET), report=lines.append)

    assert chosen.runtime == OPENVINO
    assert any("int8 (post-training) does not pass: another class than fp32 for" in line for line in lines)
    assert chosen.int8["method"] == "accuracy-aware"
    assert (chosen.int8["agreement"], chosen.int8["quantised_operations"]) == (1.0, 0)
    assert "int8 does not pass" in chosen.reason
    assert "it left no operation in int8): fp32 serves" in chosen.reason
    assert folder is not None
    assert '"FakeQuantize"' not in (folder / "graph.xml").read_text()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (PATTERNS, "there are no validation photos to quantise with and to compare on: fp32 serves"),
        (DRAWN, "drawn photos do not show how int8 answers real ones: fp32 serves"),
    ],
)
def test_int8_is_signed_off_on_photos_only(signed: Callable, source: str, reason: str) -> None:
    chosen, _ = signed(Colours(0.0), source=source)

    assert (chosen.runtime, chosen.source, chosen.int8) == (OPENVINO, source, None)
    assert chosen.reason == reason


def test_a_graph_that_answers_otherwise_leaves_the_network_itself(tmp_path: Path) -> None:
    network = Colours(0.0).eval()
    graph = export.convert(network, PREPARED)
    other = measured(network)
    other.eager[0, 0] += 0.01

    chosen, folder = sign_off.choose(graph, other, OPENVINO_INT8, tmp_path, lambda line: None)

    assert (chosen.runtime, folder) == (TORCH, None)
    assert "differ by 0.01" in chosen.reason
    assert not chosen.graph["passed"]


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    network = Colours(0.0).eval()
    pixels = measured(network).pixels

    def written(name: str) -> list[bytes]:
        graph = export.convert(network, PREPARED)
        folders = [
            export.save(graph, tmp_path / name),
            export.save(quantise.quantise(graph, pixels), tmp_path / f"{name}-int8"),
        ]
        return [(folder / f"graph.{suffix}").read_bytes() for folder in folders for suffix in ("xml", "bin")]

    first = written("first")

    assert written("second") == first
    assert str(tmp_path).encode() not in b"".join(first)


@pytest.mark.usefixtures("tmp_path")
def test_nothing_is_printed_where_a_task_prints_its_document(capfd: pytest.CaptureFixture[str]) -> None:
    network = Colours(0.0).eval()
    quantise.quantise(export.convert(network, PREPARED), measured(network).pixels)

    assert capfd.readouterr().out == ""
