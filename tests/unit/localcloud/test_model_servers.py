"""Which model server stands for an image, and when it starts again."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from kennel.localcloud.clock import Clock
from kennel.localcloud.services.sagemaker.endpoints.model_servers import UnknownImageError, model_server
from kennel.localcloud.services.sagemaker.endpoints.plans import read_plan
from kennel.localcloud.services.sagemaker.endpoints.restarts import BACKOFF, restart_delay
from kennel.localcloud.services.sagemaker.endpoints.variant_plan import FleetError

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker", "toolkit_host.py"),
        ("pytorch-inference-arm64:2.6.0-cpu-py312", "toolkit_host.py"),
        ("ray:serve-ml-sagemaker-cpu-v1", "serving_host.py"),
        ("ray:serve-ml-sagemaker-cuda-v1.4", "serving_host.py"),
        ("ray@sha256:0123", "serving_host.py"),
        ("copies/ray:serve-ml-sagemaker-cpu", "serving_host.py"),
    ],
)
def test_an_image_has_its_own_server(image: str, program: str) -> None:
    server = model_server(f"{REGISTRY}/{image}")
    path = Path(server.command("python", Path("socket"))[2])
    assert (path.name, path.is_file()) == (program, True)


@pytest.mark.parametrize(
    "image",
    [
        f"{REGISTRY}/dogs:1",
        f"{REGISTRY}/pytorch:2.13.0-cpu-amzn2023-sagemaker",  # a training image
        f"{REGISTRY}/ray:serve-ml-cpu-v1",  # of EC2: nothing answers /ping on port 8080
        f"{REGISTRY}/pytorch-inference",  # without a tag
        "",
    ],
)
def test_other_images_are_refused_by_name_with_those_that_are_served(image: str) -> None:
    with pytest.raises(UnknownImageError) as refused:
        model_server(image)
    assert f'"{image}"' in str(refused.value)
    assert "pytorch-inference, for an archive with code/inference.py; ray:serve-ml" in str(refused.value)


def test_a_plan_with_an_unknown_image_names_the_model() -> None:
    model = SimpleNamespace(
        model_name="mine",
        containers=None,
        primary_container={"Image": f"{REGISTRY}/dogs:1"},
        execution_role_arn="arn:aws:iam::123456789012:role/r",
    )
    configuration = SimpleNamespace(
        endpoint_config_name="c", production_variants=[{"VariantName": "v", "ModelName": "mine"}]
    )
    backend = SimpleNamespace(_models={"mine": model})
    with pytest.raises(FleetError, match=r"Model mine: .* no model server for the image \".*/dogs:1\""):
        read_plan(backend, configuration, [{"VariantName": "v", "DesiredWeight": 1.0}], Clock().now())


def test_the_archive_comes_before_its_code_on_the_path_of_ray(tmp_path: Path) -> None:
    variables = model_server(f"{REGISTRY}/ray:serve-ml-sagemaker-cpu-v1").environment(tmp_path)
    expected = [str(tmp_path / "model"), str(tmp_path / "model" / "code")]
    assert variables["PYTHONPATH"].split(os.pathsep) == expected


def test_a_server_that_served_for_long_starts_again_at_once_and_one_that_keeps_ending_later_and_later() -> (
    None
):
    assert restart_delay(0) == 0
    delays = [restart_delay(count) for count in range(1, 10)]
    assert delays[0] == 0
    assert delays == sorted(delays)
    assert delays[-1] == BACKOFF[-1]
