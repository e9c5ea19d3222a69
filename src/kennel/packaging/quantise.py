"""int8 graphs: NNCF measures the ranges of activations on photos, then quantises weights and activations."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from kennel.packaging.export import canonical
from kennel.serving.runtimes import silence_telemetry

CALIBRATION_PHOTOS = 300  # NNCF's own default; more do not change the ranges
# Each operation is compiled anew and measured on these to find those that cost the most answers; then so many
# of them go back to fp32, one after the other, each measured on all photos.
_RANKING_PHOTOS = 25
_MOST_RESTORED = 10


def quantise(graph: Any, pixels: Sequence[np.ndarray]) -> Any:
    """Return the int8 graph of an fp32 graph, which stays as it is.

    Parameters
    ----------
    pixels
        uint8, each of shape (1, crop, crop, 3), for the ranges.
    """
    with _quiet() as nncf:
        taken = _spread(pixels, CALIBRATION_PHOTOS)
        quantised = nncf.quantize(
            graph.clone(),
            nncf.Dataset(taken),
            subset_size=len(taken),
            advanced_parameters=_on_every_cpu(nncf),
        )
        return canonical(quantised)


def quantise_to_agree(
    graph: Any, pixels: Sequence[np.ndarray], expected: Sequence[int], disagreement: float
) -> Any:
    """Return an int8 graph in which operations went back to fp32 until the answers agree.

    Parameters
    ----------
    expected
        The fp32 graph's most probable class for each of ``pixels``.
    disagreement
        The share of photos that may get another answer.
    """

    def agreement(model: Any, items: Iterable[tuple[np.ndarray, int]]) -> tuple[float, list[float]]:
        output = model.output(0)
        same = [float(int(model(picture)[output].argmax()) == label) for picture, label in items]
        return sum(same) / len(same), same

    with _quiet() as nncf:
        items = list(zip(pixels, expected, strict=True))
        taken = _spread(items, CALIBRATION_PHOTOS)
        restored = nncf.quantize_with_accuracy_control(
            graph.clone(),
            nncf.Dataset(taken, lambda item: item[0]),
            nncf.Dataset(items, lambda item: item[0]),
            agreement,
            max_drop=disagreement,
            subset_size=len(taken),
            advanced_quantization_parameters=_on_every_cpu(nncf),
            advanced_accuracy_restorer_parameters=nncf.AdvancedAccuracyRestorerParameters(
                max_num_iterations=_MOST_RESTORED,
                ranking_subset_size=min(len(items), _RANKING_PHOTOS),
            ),
        )
        return canonical(restored)


def quantised_operations(graph: Any) -> int:
    """Return how many quantisations a graph holds; without any it is an fp32 graph."""
    return sum(operation.get_type_name() == "FakeQuantize" for operation in graph.get_ops())


def _on_every_cpu(nncf: Any) -> Any:
    """Return parameters that give weights half of their range.

    CPUs without VNNI add products of int8 in 16 bits, which overflow with the whole range: logits then
    differed by 0.9 and every fifth answer was another one (docs/decisions/openvino.md).
    """
    return nncf.AdvancedQuantizationParameters(overflow_fix=nncf.OverflowFix.ENABLE)


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """Return at most ``count`` items that lie apart."""
    if len(items) <= count:
        return list(items)
    return [items[index * len(items) // count] for index in range(count)]


@contextmanager
def _quiet() -> Iterator[Any]:
    """Yield NNCF, whose progress bars would go to standard output, where a task's document goes."""
    silence_telemetry()
    with redirect_stdout(io.StringIO()):
        import nncf

        nncf.set_log_level(logging.ERROR)
        yield nncf
