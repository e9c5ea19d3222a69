"""The names of architectures are those of the installed torchvision that can be trained."""

from __future__ import annotations

from torchvision import models

from kennel.classifier.architectures import ARCHITECTURES

WITHOUT_A_LINEAR_HEAD = {"googlenet", "inception_v3", "squeezenet1_0", "squeezenet1_1"}


def test_every_classifier_with_a_linear_head_is_known() -> None:
    assert set(ARCHITECTURES[1:]) == set(models.list_models(module=models)) - WITHOUT_A_LINEAR_HEAD
