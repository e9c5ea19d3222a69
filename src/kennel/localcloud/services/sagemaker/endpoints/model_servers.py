"""Which model server stands for a model's image: each image has its own contract with an archive.

The contracts: https://github.com/aws/sagemaker-pytorch-inference-toolkit, and `scripts/docker/ray/` in
https://github.com/aws/deep-learning-containers.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

CONTAINER_PORT = 8080  # where a container listens on AWS


class UnknownImageError(Exception):
    """No model server stands for an image; the text says which images have one."""


@dataclass(frozen=True)
class ModelServer:
    """A program that serves an unpacked archive as the containers of one image do.

    Attributes
    ----------
    image
        A pattern for the last part of the image's name: repository and tag, or digest.
    program
        Its file, beside this module. It is started by path with ``--socket``.
    python_path
        The archive's folders on PYTHONPATH, as the container orders them.
    needs
        What an archive needs, for messages.
    """

    image: re.Pattern[str]
    program: str
    python_path: tuple[str, ...]
    needs: str

    def command(self, python: str, socket: Path) -> list[str]:
        """Return the command that serves with a Python at a Unix socket, which no other user reaches."""
        program = Path(__file__).resolve().with_name(self.program)
        return [python, "-P", str(program), "--socket", str(socket)]

    def environment(self, base: Path) -> dict[str, str]:
        """Return the variables that the image or its entry point sets.

        Parameters
        ----------
        base
            What stands for ``/opt/ml``, with the archive unpacked in ``model``.
        """
        return {
            "SAGEMAKER_BASE_DIR": str(base),
            "SM_MODEL_DIR": str(base / "model"),
            "SAGEMAKER_SAFE_PORT_RANGE": f"{CONTAINER_PORT}-{CONTAINER_PORT}",
            "SAGEMAKER_BIND_TO_PORT": str(CONTAINER_PORT),
            "PYTHONUNBUFFERED": "TRUE",
            "PYTHONPATH": os.pathsep.join(str(base / folder) for folder in self.python_path),
        }


SERVERS = (
    ModelServer(
        re.compile(r"pytorch-inference(-arm64|-graviton)?[:@].+"),
        "toolkit_host.py",
        ("model/code",),
        "pytorch-inference, for an archive with code/inference.py",
    ),
    # The images of the repository for EC2, `serve-ml-cpu` and `serve-ml-cuda`, have no adapter for SageMaker.
    ModelServer(
        re.compile(r"ray(:serve-ml-sagemaker-.+|@.+)"),
        "serving_host.py",
        ("model", "model/code"),
        "ray:serve-ml-sagemaker-…, for an archive with config.yaml and code/asgi.py",
    ),
)


def model_server(image: str) -> ModelServer:
    """Return the model server that stands for an image.

    Parameters
    ----------
    image
        As in CreateModel: registry, repository and tag or digest. The registry does not matter: it may be
        AWS's of any region or a copy of your own.

    Raises
    ------
    UnknownImageError
        There is none.
    """
    name = image.rpartition("/")[2]
    for server in SERVERS:
        if server.image.fullmatch(name):
            return server
    known = "; ".join(server.needs for server in SERVERS)
    raise UnknownImageError(
        f'The local cloud runs no containers and has no model server for the image "{image}". It serves '
        f"models of {known}."
    )
