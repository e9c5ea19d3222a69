"""Class names and ImageNet's categories: names, aliases, plurals, and what only looks alike."""

from __future__ import annotations

import pytest
from torchvision import models

from kennel.classifier import imagenet, labels


def named(class_name: str) -> list[str]:
    return [imagenet.names()[number] for number in imagenet.categories_of(class_name)]


@pytest.mark.parametrize(
    ("class_name", "categories"),
    [
        ("096.Labrador_retriever", ["Labrador retriever"]),
        ("071.German_shepherd_dog", ["German shepherd"]),
        ("Bouvier-des-Flandres", ["Bouvier des Flandres"]),
        ("124.Poodle", ["toy poodle", "miniature poodle", "standard poodle"]),
        ("polar bears", ["ice bear"]),
        ("strawberries", ["strawberry"]),
        ("Égyptian cat", ["Egyptian cat"]),
        ("carpenters kit", []),
        ("carpenter's kit", ["carpenter's kit"]),
        ("sharks", ["great white shark", "tiger shark", "hammerhead"]),
        ("T-shirt", ["jersey"]),
    ],
)
def test_a_class_is_the_categories_of_its_name(class_name: str, categories: list[str]) -> None:
    assert named(class_name) == categories


@pytest.mark.parametrize("class_name", ["American_eskimo_dog", "mouse", "Kite", "Bulldog", "Ginger"])
def test_what_is_another_thing_or_breed_is_not_known(class_name: str) -> None:
    assert named(class_name) == []


def test_the_order_is_that_of_the_logits() -> None:
    assert len(imagenet.names()) == imagenet.CATEGORIES
    assert imagenet.categories_of("tench") == (0,)
    assert imagenet.categories_of("Labrador") == (208,)
    assert len(imagenet.categories_of("dog")) == 118


def test_the_names_are_torchvisions() -> None:
    assert list(imagenet.names()) == models.ResNet50_Weights.DEFAULT.meta["categories"]


def test_most_of_the_133_breeds_are_known_and_the_others_are_listed() -> None:
    unknown = imagenet.unknown(labels.breeds())

    assert len(unknown) == 44
    assert "004.Akita" in unknown
    assert sum(map(bool, imagenet.categories(labels.breeds()))) == 89
