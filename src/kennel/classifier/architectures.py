"""The names of the backbones that can be trained; no PyTorch is imported, so that tasks check them at once.

torchvision's picture classifiers, but for those whose head is no single linear layer (GoogLeNet, Inception,
SqueezeNet), and EfficientNet-Lite0, whose weights a package ships.
"""

from __future__ import annotations

from kennel.classifier.hyperparameters import LITE0

# Family and variants; a test compares the names with the installed torchvision.
_VARIANTS = {
    "alexnet": "",
    "convnext_": "base large small tiny",
    "densenet": "121 161 169 201",
    "efficientnet_b": "0 1 2 3 4 5 6 7",
    "efficientnet_v2_": "l m s",
    "maxvit_t": "",
    "mnasnet": "0_5 0_75 1_0 1_3",
    "mobilenet_": "v2 v3_large v3_small",
    "regnet_x_": "16gf 1_6gf 32gf 3_2gf 400mf 800mf 8gf",
    "regnet_y_": "128gf 16gf 1_6gf 32gf 3_2gf 400mf 800mf 8gf",
    "resnet": "18 34 50 101 152",
    "resnext": "50_32x4d 101_32x8d 101_64x4d",
    "shufflenet_v2_x": "0_5 1_0 1_5 2_0",
    "swin_": "b s t v2_b v2_s v2_t",
    "vgg": "11 11_bn 13 13_bn 16 16_bn 19 19_bn",
    "vit_": "b_16 b_32 h_14 l_16 l_32",
    "wide_resnet": "50_2 101_2",
}

ARCHITECTURES: tuple[str, ...] = (
    LITE0,
    *(f"{family}{variant}" for family, variants in _VARIANTS.items() for variant in variants.split() or [""]),
)
"""All names, the default first."""
