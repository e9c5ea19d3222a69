"""What ImageNet's classifier says about the classes that are learnt, before any photo of them is seen.

A backbone's ImageNet weights come with a classifier of 1,000 categories. A class that is one of them, or
several (`kennel.classifier.imagenet`), gets their probability; classes that are none of them share what is
left. The logarithm, times a scale, is added to the head's logits, in training too: the head learns what the
prior does not explain, so photos that ImageNet misjudges overrule it. The scale falls with the number of
photos. docs/training.md has the measurements by which this was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kennel.classifier import TrainingError, imagenet
from kennel.classifier.data.folder import Folder
from kennel.classifier.hyperparameters import Hyperparameters
from kennel.classifier.imagenet import CATEGORIES, Categories

HALF_AT = 32
"""Training photos a class at which the prior counts half."""
DOUBT = 0.25
"""Probability that ImageNet's answer says nothing; it is spread over all classes, so that none is impossible.

With little doubt, a few steps of training cannot correct what ImageNet misjudges.
"""


@dataclass(frozen=True)
class PriorSettings:
    """How ImageNet's categories become a prior over classes.

    Parameters
    ----------
    categories
        The categories of each class; none for a class that ImageNet does not know.
    scale
        Factor of the prior's logarithm.
    """

    categories: tuple[Categories, ...]
    scale: float = 1.0

    @property
    def known(self) -> int:
        """The number of classes that ImageNet knows."""
        return sum(bool(numbers) for numbers in self.categories)

    def as_dict(self) -> dict[str, Any]:
        """Return the entry of ``model.json``."""
        return {"categories": [list(numbers) for numbers in self.categories], "scale": self.scale}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> PriorSettings:
        """Return the settings of an entry of ``model.json``."""
        return cls(tuple(tuple(numbers) for numbers in document["categories"]), document["scale"])


def scale_for(photos: int, classes: int) -> float:
    """Return the prior's scale after training on so many photos: 1 for none, ½ for 32 a class."""
    return HALF_AT / (HALF_AT + photos / classes)


def choose(chosen: Hyperparameters, data: Folder) -> PriorSettings | None:
    """Return what ImageNet knows of the classes; None if it knows none of them or is not to be asked.

    Raises
    ------
    TrainingError
        A class has no training photo and is not known from ImageNet either.
    """
    photos = data.splits["train"]
    prior = None
    if chosen.prior == "imagenet" and chosen.pretrained:
        prior = PriorSettings(imagenet.categories(data.classes), scale_for(len(photos), len(data.classes)))
    seen = {picture.label for picture in photos}
    for label, name in enumerate(data.classes):
        if label not in seen and not (prior and prior.categories[label]):
            raise TrainingError(
                f"train/{name} holds no pictures, and "
                + ("ImageNet does not know this class" if prior else "without a prior nothing is known of it")
                + "; add some, or remove the class from every split"
            )
    return prior if prior and prior.known else None


class ImageNetPrior(nn.Module):
    """Features to the scaled logarithm of each class's probability according to ImageNet's classifier.

    Not trained. Its weights are ImageNet's last layer; they are zero until `take` or a state dict sets them.
    """

    weight: Tensor
    bias: Tensor
    members: Tensor
    rest: Tensor

    def __init__(self, features: int, settings: PriorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("weight", torch.zeros(CATEGORIES, features))
        self.register_buffer("bias", torch.zeros(CATEGORIES))
        self.register_buffer("members", _members(settings.categories), persistent=False)
        unknown = torch.tensor([not numbers for numbers in settings.categories]).float()
        self.register_buffer("rest", unknown / unknown.sum().clamp(min=1), persistent=False)

    def take(self, classifier: nn.Linear) -> None:
        """Copy the weights of ImageNet's classifier."""
        self.weight.copy_(classifier.weight.detach())
        self.bias.copy_(classifier.bias.detach())

    def forward(self, features: Tensor) -> Tensor:
        """Map features (N, F) to (N, classes)."""
        with torch.autocast(features.device.type, enabled=False):  # differences of small probabilities
            probabilities = functional.linear(features.float(), self.weight, self.bias).softmax(1)
            shares = probabilities @ self.members
            left = 1 - probabilities @ self.members.amax(1)
            shares = shares + left.clamp(min=0)[:, None] * self.rest
            return self.settings.scale * torch.log((1 - DOUBT) * shares + DOUBT / len(self.rest))


def _members(categories: Sequence[Categories]) -> Tensor:
    """Return a matrix (categories, classes) with a one where a category is a class."""
    members = torch.zeros(CATEGORIES, len(categories))
    for column, numbers in enumerate(categories):
        members[list(numbers), column] = 1
    return members
