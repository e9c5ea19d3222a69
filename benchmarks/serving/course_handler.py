"""The inference code that courses teach, for TorchServe's toolkit; an archive's ``code/inference.py``.

Eager, the picture decoded whole, plain resizing, no normalisation, no limit of threads. Left out is what only
makes it slower to start: ImageNet's weights are not downloaded before the model's own replace them.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torchvision import transforms


def network(arch: str, classes: int) -> nn.Module:
    """Return a frozen backbone with a head of two layers."""
    if arch == "efficientnet_lite0":
        from kennel.classifier.lite0 import efficientnet_lite0

        model = efficientnet_lite0()
    else:
        from torchvision import models

        model = models.get_model(arch, weights=None)
    for parameter in model.parameters():
        parameter.requires_grad = False
    name, last = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear)][-1]
    parent, _, child = name.rpartition(".")
    head = nn.Sequential(nn.Linear(last.in_features, 128), nn.ReLU(inplace=True), nn.Linear(128, classes))
    setattr(model.get_submodule(parent), child, head)
    return model


def model_fn(model_dir: str) -> nn.Module:
    described = json.loads(Path(model_dir, "model.json").read_text())
    model = network(described["arch"], described["classes"])
    with Path(model_dir, "model.pth").open("rb") as file:
        model.load_state_dict(torch.load(file, map_location="cpu"))
    return model.eval()


def input_fn(body: bytes, content_type: str) -> Image.Image:
    if content_type == "image/jpeg":
        return Image.open(io.BytesIO(body))
    raise ValueError(f"Requested unsupported ContentType in content_type: {content_type}")


def predict_fn(picture: Image.Image, model: nn.Module) -> torch.Tensor:
    transform = transforms.Compose([transforms.Resize((224, 224)), transforms.ToTensor()])
    with torch.no_grad():
        return model(transform(picture).unsqueeze(0))
