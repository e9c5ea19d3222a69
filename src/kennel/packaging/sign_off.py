"""Sign-off: which runtime serves a model, decided by comparing its answers on validation photos."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kennel.packaging import DRAWN, PATTERNS, PackagingError, Progress, gate
from kennel.packaging.gate import Comparison
from kennel.serving import cores
from kennel.serving.runtime_names import OPENVINO, OPENVINO_INT8, TORCH
from kennel.serving.runtimes import open_runtime

# Quantised and compared on 133 drawn dogs, efficientnet_lite0 passed; of 15 views of photographs it named 9
# otherwise than fp32. They reach other ranges of the activations, and are harder to name.
UNFIT = {
    DRAWN: "drawn photos do not show how int8 answers real ones",
    PATTERNS: "there are no validation photos to quantise with and to compare on",
}
"""Why int8 cannot be signed off on pictures of a source."""
QUANTISED, RESTORED = "post-training", "accuracy-aware"


@dataclass(frozen=True)
class Measured:
    """Photos as the network sees them, and what the eager network answers.

    Parameters
    ----------
    pixels
        uint8, each of shape (1, crop, crop, 3).
    labels
        The right class of each, -1 where it is not known.
    eager
        float32 (N, classes).
    source
        What they are: `kennel.packaging.VALIDATION`, or what says nothing about int8, a key of `UNFIT`.
    """

    pixels: list[np.ndarray]
    labels: np.ndarray
    eager: np.ndarray
    source: str


@dataclass(frozen=True)
class SignOff:
    """The runtime that was chosen, and why.

    Parameters
    ----------
    requested, runtime
        Two of `kennel.serving.runtime_names.RUNTIMES`: what was asked for, what serves.
    reason
        One line for people.
    photos, source
        How many were compared, and what they are.
    graph
        The fp32 graph beside the eager network: the largest difference of a logit, and its limit.
    int8
        `gate.Comparison` of the int8 graph, and the method; None if there was none.
    """

    requested: str
    runtime: str
    reason: str
    photos: int
    source: str
    graph: dict[str, Any] | None = None
    int8: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the sign-off as a JSON document."""
        return {
            "requested": self.requested,
            "runtime": self.runtime,
            "reason": self.reason,
            "photos": self.photos,
            "source": self.source,
            "graph": self.graph,
            "int8": self.int8,
        }


def logits(folder: Path, runtime: str, pixels: Sequence[np.ndarray]) -> np.ndarray:
    """Return the logits of a folder's network in a runtime: float32 (N, classes).

    One photo for each core: threads that share a photo wait for each other where other work runs too.
    """
    workers = cores.available()
    infer = open_runtime(folder, runtime, 1, workers)
    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(infer, pixels)))


def measure_graph(
    folder: Path, measured: Measured, runtime: str = OPENVINO
) -> tuple[np.ndarray, dict[str, Any]]:
    """Compare the graph in a folder with the eager network; return its logits and the comparison."""
    answers = logits(folder, runtime, measured.pixels)
    difference = float(np.abs(answers - measured.eager).max())
    passed = difference <= gate.GRAPH_LIMIT  # not if it is not a number
    return answers, {"largest_difference": difference, "limit": gate.GRAPH_LIMIT, "passed": passed}


def compare_int8(folder: Path, measured: Measured, reference: np.ndarray) -> Comparison:
    """Compare the int8 graph in a folder with the logits of the reference, (N, classes)."""
    answers = logits(folder, OPENVINO_INT8, measured.pixels)
    return Comparison(reference.argmax(1), answers.argmax(1), measured.labels)


def of_finished(folder: Path, runtime: str, measured: Measured) -> SignOff:
    """Return the sign-off of a finished release, compared with the eager network.

    Raises
    ------
    PackagingError
        It does not pass.
    """
    common = SignOff(runtime, runtime, "", len(measured.pixels), measured.source)
    if runtime == OPENVINO_INT8:
        compared = compare_int8(folder, measured, measured.eager)
        if not compared.passed:
            raise PackagingError(f"its int8 graph is not that of the job's model: {failure(compared)}")
        return replace(common, reason="int8 answers as the job's model does", int8=compared.as_dict())
    _, graph = measure_graph(folder, measured, runtime)
    if not graph["passed"]:
        raise PackagingError(
            f"it is not the job's model: a logit differs by {graph['largest_difference']:.3g} "
            f"(allowed: {gate.GRAPH_LIMIT:g})"
        )
    return replace(common, reason="it answers as the job's model does", graph=graph)


def choose(
    graph: Any, measured: Measured, requested: str, work: Path, report: Progress
) -> tuple[SignOff, Path | None]:
    """Return the sign-off, and the folder of the graph that serves; None if the eager network does.

    Parameters
    ----------
    graph
        The fp32 graph of the network.
    work
        A folder for the graphs that are compared.
    """
    from kennel.packaging import export

    common = SignOff(requested, TORCH, "", len(measured.pixels), measured.source)
    folder = export.save(graph, work / "fp32")
    report(f"comparing the graph with the network on {common.photos} {common.source}")
    answers, compared = measure_graph(folder, measured)
    common = replace(common, graph=compared)
    if not compared["passed"]:
        reason = (
            f"the graph's logits differ by {compared['largest_difference']:.3g} from the network's "
            f"(allowed: {gate.GRAPH_LIMIT:g}): the network itself serves"
        )
        return replace(common, reason=reason), None
    fp32 = replace(common, runtime=OPENVINO)
    if requested == OPENVINO:
        return replace(fp32, reason="the graph answers as the network does"), folder
    if measured.source in UNFIT:
        return replace(fp32, reason=f"{UNFIT[measured.source]}: fp32 serves"), folder
    return _quantised(graph, measured, answers, fp32, work, report)


def _quantised(
    graph: Any, measured: Measured, answers: np.ndarray, fp32: SignOff, work: Path, report: Progress
) -> tuple[SignOff, Path]:
    """Return the sign-off of the int8 graph, or of the fp32 graph if no int8 graph passes the gate."""
    from kennel.packaging import export, quantise

    expected = [int(label) for label in answers.argmax(1)]
    methods = {
        QUANTISED: lambda: quantise.quantise(graph, measured.pixels),
        RESTORED: lambda: quantise.quantise_to_agree(graph, measured.pixels, expected, 1 - gate.AGREEMENT),
    }
    document: dict[str, Any] | None = None
    for method, make in methods.items():
        report(f"quantising to int8 ({method}) with {fp32.photos} photos")
        made = make()
        operations = quantise.quantised_operations(made)
        folder = export.save(made, work / method)
        compared = compare_int8(folder, measured, answers)
        document = {"method": method, "quantised_operations": operations, **compared.as_dict()}
        if not operations:
            break
        if compared.passed:
            same = compared.photos - compared.disagreements
            reason = f"int8 names the same class as fp32 for {same} of {compared.photos} photos"
            return replace(fp32, runtime=OPENVINO_INT8, reason=reason, int8=document), folder
        report(f"int8 ({method}) does not pass: {failure(compared)}")
    if document is None:
        raise PackagingError("no quantisation was tried")
    why = failure(compared) if operations else "it left no operation in int8"
    reason = f"int8 does not pass, also with accuracy-aware quantisation ({why}): fp32 serves"
    return replace(fp32, reason=reason, int8=document), work / "fp32"


def failure(compared: Comparison) -> str:
    """Return what a comparison did not pass, for people."""
    if compared.disagreements > compared.disagreements_allowed:
        return (
            f"another class than fp32 for {compared.disagreements} of {compared.photos} photos "
            f"(allowed: {compared.disagreements_allowed})"
        )
    return f"{compared.lost} photos fewer are right (allowed: {compared.lost_allowed})"
