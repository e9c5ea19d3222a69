"""The prior: ImageNet's probabilities of the classes, its weight, and training with it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from kennel.classifier import TrainingError, learned, networks, prior, untrained
from kennel.classifier.data.folder import Folder, Picture, read
from kennel.classifier.hyperparameters import Hyperparameters
from kennel.classifier.optimisation import TaughtClassesLoss
from kennel.classifier.prior import ImageNetPrior, PriorSettings
from kennel.serving.model import load as load_model

SETTINGS = PriorSettings(((0,), (1, 2), (), ()))
"""One category, two categories, and two classes that ImageNet does not know."""


def certain_of(category: int, probability: float) -> ImageNetPrior:
    """A prior that gives a category a probability, whatever the features; the other 999 share the rest."""
    classifier = nn.Linear(2, 1000)
    nn.init.zeros_(classifier.weight)
    nn.init.constant_(classifier.bias, (torch.tensor(1 - probability) / 999).log().item())
    classifier.bias.data[category] = torch.tensor(probability).log()
    module = ImageNetPrior(2, SETTINGS)
    module.take(classifier)
    return module


def folder(tmp_path: Path, *photos: int) -> Folder:
    """A folder of the classes Beagle, Pug, … with so many training photos each, none of which is opened."""
    names = ("Beagle", "Pug", "Quagga")[: len(photos)]
    labels = [label for label, count in enumerate(photos) for _ in range(count)]
    train = [Picture(tmp_path / f"{number}.jpg", label) for number, label in enumerate(labels)]
    return Folder(tmp_path, names, {"train": train, "valid": [], "test": []})


def test_a_class_has_the_probability_of_its_categories_and_the_unknown_share_what_is_left() -> None:
    shares = certain_of(2, 0.8)(torch.zeros(1, 2))[0].exp()

    assert shares.tolist() == pytest.approx([0.0627, 0.6627, 0.1373, 0.1373], abs=5e-4)


def test_the_scale_multiplies_the_logarithm() -> None:
    module = certain_of(0, 0.9)
    whole = module(torch.zeros(1, 2))
    module.settings = PriorSettings(SETTINGS.categories, 0.25)

    assert torch.allclose(module(torch.zeros(1, 2)), whole / 4)


def test_no_class_is_impossible() -> None:
    assert torch.isfinite(certain_of(5, 1.0)(torch.zeros(1, 2))).all()


def test_the_prior_counts_less_with_every_photo() -> None:
    assert [prior.scale_for(n * 10, 10) for n in (0, 32, 96)] == [1, 0.5, 0.25]


def test_it_is_left_out_where_it_is_not_wanted_or_knows_nothing(tmp_path: Path) -> None:
    photos = folder(tmp_path, 4, 4)
    strange = Folder(tmp_path, ("Quagga", "Thylacine"), photos.splits)

    assert prior.choose(Hyperparameters(), photos) == PriorSettings(((162,), (254,)), 32 / 36)
    assert prior.choose(Hyperparameters(prior="none"), photos) is None
    assert prior.choose(Hyperparameters(pretrained=False), photos) is None
    assert prior.choose(Hyperparameters(), strange) is None


def test_a_class_without_photos_must_be_known(tmp_path: Path) -> None:
    assert prior.choose(Hyperparameters(), folder(tmp_path, 4, 0)) is not None
    with pytest.raises(TrainingError, match="train/Pug holds no pictures, and without a prior nothing"):
        prior.choose(Hyperparameters(prior="none"), folder(tmp_path, 4, 0))
    with pytest.raises(TrainingError, match="train/Quagga holds no pictures, and ImageNet does not know"):
        prior.choose(Hyperparameters(), folder(tmp_path, 4, 4, 0))


def test_a_class_without_photos_is_not_trained_away() -> None:
    loss = TaughtClassesLoss(torch.tensor([3, 0, 5]), label_smoothing=0.1)
    logits = torch.zeros(4, 3, requires_grad=True)

    loss(logits, torch.tensor([0, 2, 2, 2])).backward()

    assert logits.grad is not None
    assert logits.grad[:, 1].abs().max() == 0
    assert logits.grad[:, 0].abs().min() > 0


def test_with_photos_of_all_classes_the_loss_is_the_usual_one() -> None:
    logits, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 2])

    assert TaughtClassesLoss(torch.ones(3), 0.1)(logits, targets) == nn.CrossEntropyLoss(label_smoothing=0.1)(
        logits, targets
    )


def test_a_network_adds_the_prior_to_the_heads_logits_and_is_rebuilt_with_it() -> None:
    settings = PriorSettings(((5,), ()), 0.5)
    network = networks.build("mobilenet_v3_small", 2, prior=settings).eval()
    assert network.prior is not None
    nn.init.normal_(network.prior.weight)
    nn.init.normal_(network.head.layers[-1].weight)
    values = torch.randn(3, 1024)

    with torch.inference_mode():
        assert torch.equal(network.classify(values), network.head(values) + network.prior(values))
        described = networks.description(network, "mobilenet_v3_small", ("a", "b"), 0, 0.2)
        rebuilt, _ = networks.from_description(described, network.state_dict())
        assert torch.equal(rebuilt.classify(values), network.classify(values))


def test_a_model_of_the_format_without_a_prior_is_still_read() -> None:
    network = networks.build("mobilenet_v3_small", 2)
    described = networks.description(network, "mobilenet_v3_small", ("a", "b"), 0, 0.2)
    before = {name: value for name, value in described.items() if name != "prior"} | {"format": 2}

    rebuilt, _ = networks.from_description(before, network.state_dict())

    assert rebuilt.prior is None


def test_imagenets_classifier_alone_names_drawn_dogs_dogs(drawn: Path, tmp_path: Path) -> None:
    unknown = untrained.write(tmp_path, ("dog", "sports car", "quagga"), "efficientnet_lite0", "package")

    model = load_model(tmp_path)
    answers = [
        model.named(model.logits(path.read_bytes()), 1)["predictions"][0]
        for path in drawn.rglob("test/*/*.jpg")
    ]

    assert unknown == ["quagga"]
    assert model.classes == ["dog", "sports car", "quagga"]
    assert {answer["breed"] for answer in answers} <= {"dog", "quagga"}
    assert (tmp_path / learned.FILE).is_file()


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        (("beagle", "Beagle"), "'beagle' is there twice"),
        (("beagle",), "at least two classes"),
        (("quagga", "thylacine"), "knows none of the 2 classes, such as 'quagga'"),
    ],
)
def test_classes_of_which_nothing_can_be_said_are_refused(
    tmp_path: Path, classes: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(TrainingError, match=reason):
        untrained.write(tmp_path, classes, "efficientnet_lite0", "package")


def test_drawn_photos_are_known_as_long_as_nothing_is_added(photos: Path) -> None:
    assert learned.kind_of(read(photos)) == "drawn"

    first = next(photos.rglob("train/*/*.jpg"))
    (first.parent / "mine.jpg").write_bytes(first.read_bytes())

    assert learned.kind_of(read(photos)) == "own"


def test_what_was_learnt_is_one_sentence() -> None:
    assert learned.sentence(learned.record("drawn", 532, 133, 89)) == (
        "learnt from 532 drawn photos, 133 classes; ImageNet knew 89 of the 133 classes"
    )
    assert learned.sentence(learned.record("own", 12, 3, 0)) == (
        "learnt from 12 photos of your own, 3 classes; nothing was known before"
    )
    assert learned.sentence(learned.record("none", 0, 3, 2)).startswith("learnt from no photos, 3 classes")
