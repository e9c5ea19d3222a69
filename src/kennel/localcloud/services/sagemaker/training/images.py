"""Which images a job may name: no containers run, only scripts of images whose packages are installed.

https://github.com/aws/deep-learning-containers and https://github.com/aws/sagemaker-scikit-learn-container
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kennel.localcloud.protocol.messages import AwsError

# The last part of an image's name, and the package that its scripts import.
FRAMEWORKS = (
    (re.compile(r"pytorch(-training)?(-arm64)?[:@].+"), "torch"),
    (re.compile(r"huggingface-pytorch-training[:@].+"), "transformers"),
    (re.compile(r"tensorflow-training[:@].+"), "tensorflow"),
    (re.compile(r"sagemaker-scikit-learn[:@].+"), "sklearn"),
    (re.compile(r"sagemaker-xgboost[:@].+"), "xgboost"),
)
RUN = "pytorch-training:…, pytorch:… and sagemaker-scikit-learn:…"


def is_pytorch(image: str) -> bool:
    """Return whether an image's toolkit prepares PyTorch's distributed training."""
    return _package(image) in ("torch", "transformers")


def check_image(image: str) -> None:
    """Refuse an image whose scripts the local cloud cannot run.

    Parameters
    ----------
    image
        Registry, repository, and tag or digest; the registry does not matter.

    Raises
    ------
    AwsError
        ``ValidationException``, which names the image and what runs.
    """
    package = _package(image)
    if package is None:
        raise AwsError(
            "ValidationException",
            f'The local cloud runs no containers, and does not know what the image "{image}" holds. It runs '
            f"the scripts of jobs that name {RUN}.",
        )
    if importlib.util.find_spec(package) is None:
        raise AwsError(
            "ValidationException",
            f'The local cloud runs no containers, and has no package "{package}" for scripts of the image '
            f'"{image}". It runs the scripts of jobs that name {RUN}.',
        )


def check_program(specification: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse a job whose program would be in an image only.

    Parameters
    ----------
    specification
        ``AlgorithmSpecification``.
    values
        The job's decoded hyperparameters, or those that all trials of a tuning job share.

    Raises
    ------
    AwsError
        ``ValidationException``.
    """
    if specification.get("AlgorithmName"):
        raise AwsError(
            "ValidationException",
            f'The local cloud has no algorithm "{specification["AlgorithmName"]}": name a TrainingImage.',
        )
    image = specification.get("TrainingImage") or ""
    check_image(image)
    if not specification.get("ContainerEntrypoint") and not values.get("sagemaker_program"):
        raise AwsError(
            "ValidationException",
            f'The local cloud runs no containers: the program of the image "{image}" is missing. Give the '
            "job a ContainerEntrypoint, or the hyperparameters sagemaker_program and "
            "sagemaker_submit_directory.",
        )


def _package(image: str) -> str | None:
    name = image.rpartition("/")[2]
    packages: Sequence[str] = [package for pattern, package in FRAMEWORKS if pattern.fullmatch(name)]
    return packages[0] if packages else None
