"""ImageNet weights in the data bucket, for jobs and hosts without internet access and without the package."""

from __future__ import annotations

from pathlib import Path

from kennel.aws import StackError, artifacts, session

PREFIX = "pretrained/"
PACKAGE = "package"
SOURCES = ("channel", PACKAGE, "torchvision")  # where a training may take them from


def upload(bucket: str, source: str) -> str:
    """Put weights into the data bucket and return their S3 address.

    Parameters
    ----------
    source
        ``package`` for the installed package's weights, or a state dict's file, named after its network as
        torchvision does (``resnet50-11ad3fa6.pth``).

    Raises
    ------
    KennelError
        There is no such file, it is not a state dict, or the package is not installed.
    """
    from kennel.classifier import lite0, weights
    from kennel.classifier.hyperparameters import LITE0

    path = lite0.packaged_weights() if source == PACKAGE else Path(source)
    if path.suffix != ".pth":
        raise StackError(f"{path}: weights are a .pth file named after its network, or 'package'")
    weights.read_state(path)  # refuse here what a job could not read
    name = f"{LITE0}.pth" if source == PACKAGE else path.name
    session.client("s3").upload_file(str(path), bucket, PREFIX + name)
    return f"s3://{bucket}/{PREFIX}{name}"


def channel(bucket: str, arch: str) -> str | None:
    """Return the address of the channel ``pretrained`` if it holds weights of this network."""
    names = [key.rpartition("/")[2] for key in artifacts.objects(bucket, PREFIX)]
    matches = (name.endswith(".pth") and name.replace("-", "_").startswith(arch) for name in names)
    return f"s3://{bucket}/{PREFIX}" if any(matches) else None
