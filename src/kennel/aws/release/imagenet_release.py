"""A release straight from ImageNet's classifier, for classes of which there are no photos yet."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kennel.aws import Progress, StackError, silent
from kennel.aws.infrastructure.stack import Stack
from kennel.aws.release import releases
from kennel.aws.release.releases import Release
from kennel.aws.session import Workspace
from kennel.classifier import labels
from kennel.classifier.hyperparameters import LITE0
from kennel.serving.runtime_names import OPENVINO_INT8

JOB = "imagenet"
"""What such a release names in place of a training job."""


def package(
    workspace: Workspace,
    stack: Stack,
    classes: Sequence[str],
    progress: Progress | None = None,
    *,
    runtime: str = OPENVINO_INT8,
) -> tuple[Release, list[str]]:
    """Make a release of the default backbone for these classes; return it and those that ImageNet lacks.

    Raises
    ------
    TrainingError
        ImageNet knows none of the classes, or its weights are not available.
    """
    from kennel.classifier import untrained

    content = workspace.build / "release" / "content"
    shutil.rmtree(content.parent, ignore_errors=True)
    content.mkdir(parents=True)
    unknown = untrained.write(content, classes, LITE0, untrained.default_weights(LITE0))
    return releases.publish(workspace, stack, content, JOB, progress or silent, runtime=runtime), unknown


def read_classes(file: str | None) -> tuple[str, ...]:
    """Return the class names in a file, one a line; the course's 133 breeds without a file.

    Raises
    ------
    StackError
        The file cannot be read, or holds no names.
    """
    if file is None:
        return labels.breeds()
    try:
        lines = Path(file).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"{file} cannot be read: {error}; give a text file, one class a line") from error
    return tuple(line.strip() for line in lines if line.strip())
