"""Networks: Lite0's weights are exact, heads fit any backbone, bad weights are refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models.efficientnet import EfficientNet, MBConv, MBConvConfig

from kennel.classifier import TrainingError, lite0, networks, weights

STATE = weights.pretrained("efficientnet_lite0", "package")


def test_the_packaged_weights_load_strictly() -> None:
    network = lite0.efficientnet_lite0()
    network.load_state_dict(STATE)
    assert sum(p.numel() for p in network.parameters()) == 4_652_008  # the paper's 4.7 M


def test_it_is_torchvisions_efficientnet_without_squeeze_and_excitation() -> None:
    """The same initial values under a seed, and the same results and gradients in training."""
    torch.manual_seed(3)
    ours = lite0.efficientnet_lite0(5)
    torch.manual_seed(3)
    theirs = torchvisions_lite0(5)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())

    pictures, results = torch.randn(4, 3, 70, 70), []
    for network in (ours, theirs):
        torch.manual_seed(4)
        logits = network.train()(pictures)
        logits.square().sum().backward()
        results.append([logits, *(parameter.grad for parameter in network.parameters())])
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(*results, strict=True))


def torchvisions_lite0(classes: int) -> EfficientNet:
    class Block(MBConv):
        def __init__(self, shape: MBConvConfig, stochastic_depth: float, norm: Callable[..., Any]) -> None:
            super().__init__(shape, stochastic_depth, norm, se_layer=lambda *_, **__: torch.nn.Identity())
            self.block = torch.nn.Sequential(
                *(layer for layer in self.block if len(list(layer.parameters())))
            )

    settings = [MBConvConfig(*stage, block=Block) for stage in lite0.STAGES]
    norm = partial(torch.nn.BatchNorm2d, eps=1e-3, momentum=0.01)
    network = EfficientNet(settings, 0.2, num_classes=classes, norm_layer=norm, last_channel=lite0.WIDTH)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, torch.nn.SiLU):
                setattr(module, name, torch.nn.ReLU6())
            if isinstance(child, torch.nn.Conv2d) and child.stride[0] == 2:
                child.__class__ = lite0.SameConv2d
    return network


def test_stride_2_convolutions_pad_as_tensorflow_does() -> None:
    convolution = lite0.SameConv2d(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(convolution.weight)
    padded = convolution(torch.ones(1, 1, 4, 4))
    # no padding above or left: the first window is full, the last lacks a row and a column
    assert padded[0, 0].tolist() == [[9, 6], [6, 4]]


def test_the_ports_names_become_torchvisions() -> None:
    port = {
        "_conv_stem.weight": torch.ones(1),
        "_blocks.0._bn2.bias": torch.ones(2),
        "_bn1.weight": torch.ones(3),
    }
    port["_blocks.2._project_conv.weight"] = torch.ones(4)
    assert {name: len(value) for name, value in lite0.from_port(port).items()} == {
        "features.0.0.weight": 1,
        "features.1.0.block.1.1.bias": 2,
        "features.8.1.weight": 3,
        "features.2.1.block.2.0.weight": 4,
    }


@pytest.mark.parametrize(
    ("arch", "features"),
    [("efficientnet_lite0", 1280), ("resnet50", 2048), ("mobilenet_v3_small", 1024), ("densenet121", 1024)],
)
def test_any_classifier_gets_a_new_head(arch: str, features: int) -> None:
    network = networks.build(arch, 7).eval()
    with torch.inference_mode():
        pixels = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
        logits = network(networks.preprocessing(arch).to_input(pixels))
    assert logits.shape == (2, 7)
    assert network.head.centre.shape == (features,)
    assert 4 <= len(networks.stages(network.backbone)) <= 13


@pytest.mark.parametrize(
    "arch", ["resnet5000", "fasterrcnn_resnet50_fpn", "deeplabv3_resnet50", "squeezenet1_0"]
)
def test_what_is_not_a_classifier_is_refused(arch: str) -> None:
    with pytest.raises(TrainingError, match="use efficientnet_lite0"):
        networks.build(arch, 3)


def test_pretrained_and_random_backbones_differ_and_have_digests() -> None:
    first = networks.build("efficientnet_lite0", 3, pretrained="package")
    again = networks.build("efficientnet_lite0", 9, pretrained=lite0.packaged_weights())
    random = networks.build("efficientnet_lite0", 3)
    assert networks.digest(first.backbone) == networks.digest(again.backbone)
    assert networks.digest(first.backbone) != networks.digest(random.backbone)


def test_normalisation_is_the_backbones() -> None:
    prepared = networks.preprocessing("resnet50")
    pixels = torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)
    expected = [(1 - m) / s for m, s in zip(prepared.mean, prepared.std, strict=True)]
    assert prepared.to_input(pixels).flatten().tolist() == pytest.approx(expected, rel=1e-6)


def test_a_head_centres_on_the_training_set_and_gives_each_picture_one_length() -> None:
    head = networks.Head(4, 2, dropout=0.0)
    values = torch.randn(500, 4) * torch.tensor([1.0, 10.0, 0.1, 0.0]) + 5
    head.centre_on(values)
    assert torch.allclose(head.centre, values.mean(0), atol=1e-4)
    seen = head.normalise(values)
    assert torch.allclose(seen.norm(dim=1), torch.full((500,), 2.0), atol=1e-4)
    assert torch.allclose(seen[:, 3], torch.zeros(500), atol=1e-4)


def test_a_picture_in_the_very_centre_has_logits_too() -> None:
    head = networks.Head(4, 2)
    head.centre_on(torch.ones(3, 4))
    assert torch.isfinite(head(torch.ones(1, 4))).all()


def test_missing_weights_name_the_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(
        "torch.hub.download_url_to_file", lambda *_, **__: (_ for _ in ()).throw(OSError("offline"))
    )
    with pytest.raises(
        TrainingError, match=r"offline.*channel 'pretrained'.*efficientnet_lite0.*--no-pretrained"
    ):
        networks.build("resnet50", 3, pretrained="torchvision")
    with pytest.raises(TrainingError, match="no package ships weights for resnet50"):
        networks.build("resnet50", 3, pretrained="package")
    with pytest.raises(TrainingError, match="no such weights file"):
        networks.build("resnet50", 3, pretrained=tmp_path / "gone.pth")


def test_pickled_code_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    hostile, junk, other = (tmp_path / name for name in ("hostile.pth", "junk.pth", "other.pth"))
    torch.save({"x": Hostile()}, hostile)
    junk.write_bytes(b"not a state dict")
    torch.save({"a": torch.ones(1)}, other)
    with pytest.raises(TrainingError, match="refused"):
        networks.build("resnet50", 3, pretrained=hostile)
    assert not (Path.cwd() / "owned").exists()
    with pytest.raises(TrainingError, match=r"junk\.pth"):
        networks.build("resnet50", 3, pretrained=junk)
    with pytest.raises(TrainingError, match="do not fit"):
        networks.build("resnet50", 3, pretrained=other)


class Hostile:
    """Would create a file when unpickled."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("owned"),))


def test_a_described_network_is_rebuilt() -> None:
    network = networks.build("mobilenet_v3_small", 5, head_width=16).eval()
    torch.nn.init.normal_(network.head.layers[-1].weight)
    described = networks.description(network, "mobilenet_v3_small", tuple("abcde"), 16, 0.2)
    rebuilt, prepared = networks.from_description(described, copy.deepcopy(network.state_dict()))
    inputs = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(rebuilt(inputs), network(inputs))
    assert prepared == networks.preprocessing("mobilenet_v3_small")
    with pytest.raises(TrainingError, match="formats 2 and 3"):
        networks.from_description({**described, "format": 1}, {})
