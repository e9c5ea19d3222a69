"""The report of a rehearsal: one HTML file without external resources, which says only what was reached."""

from __future__ import annotations

import csv
import json
import statistics
from dataclasses import fields
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from kennel.classifier import learned
from kennel.classifier.hyperparameters import Hyperparameters
from kennel.report import calls, charts, evaluation, page, planned, thumbnails

Document = dict[str, Any]


def write(
    target: Path, result: Document, audit_log: list[dict[str, Any]], records: Path | None = None
) -> Path:
    """Write the report of one rehearsal and return its path.

    Parameters
    ----------
    result
        The document of ``result.json``.
    audit_log
        Entries of the local cloud's audit log: ``principal, action, resource, decision, reason``.
    records
        Folder of what this rehearsal's training wrote: ``history.csv``, ``predictions.json``, ``run.json``.
        Sections without their file are left out.
    """
    text = page.render(
        "rehearsal.html",
        result=result,
        date=_date(result.get("started_at")),
        facts=_facts(result, audit_log),
        timeline=_timeline(result),
        photo=_photo(result),
        learned=_learned(result),
        gallery=_gallery(result),
        training=_training(records),
        test=_test(result, records),
        latency=_latency(result),
        calls=calls.matrix(audit_log),
        plan=planned.by_module(result.get("plan") or []),
        settings=_settings(result, records),
    )
    target.write_text(text, encoding="utf-8")
    return target


def _reached(result: Document, step: str) -> bool:
    return any(record["name"] == step and record["ok"] for record in result["steps"])


def _date(started_at: str | None) -> str | None:
    return datetime.fromisoformat(started_at).strftime("%d %B %Y, %H:%M").lstrip("0") if started_at else None


def _facts(result: Document, audit_log: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the figures at the top, of the steps that were reached."""
    facts = []

    def add(name: str, value: str, verdict: str = "") -> None:
        facts.append({"name": name, "value": value, "verdict": verdict})

    if result["answer"]:
        add("status of the function", str(result["answer"]["statusCode"]))
        add("logits", str(len(result["answer"]["logits"])))
    if result["accuracy"] is not None:
        add("test top-1", f"{100 * result['accuracy']:.1f} %")
    if any(record["name"] == "plan again" for record in result["steps"]):
        empty = result["plan_empty"]
        add("second plan", "empty" if empty else "not empty", "good" if empty else "bad")
    if result["kept"]:
        add("cloud and stack", "kept")
    elif any(record["name"] == "destroy" for record in result["steps"]):
        done = result["destroyed"]
        add(
            "resources destroyed", str(result["resources"]) if done else "not finished", "" if done else "bad"
        )
    denied = sum(entry["decision"] == "deny" for entry in audit_log)
    if denied or (audit_log and facts):
        add("calls denied", str(denied), "bad" if denied else "")
    return facts


def _timeline(result: Document) -> dict[str, Any]:
    """Return the steps with their places on the time axis, in per cent, then those not reached."""
    steps, elapsed = [], 0.0
    for step in result["steps"]:
        started = step.get("started", elapsed)
        elapsed = started + step["seconds"]
        steps.append({**step, "started": started})
    total = elapsed or 1.0
    for step in steps:
        step["x"] = round(100 * step["started"] / total, 2)
        step["width"] = max(0.4, round(100 * step["seconds"] / total, 2))
    begun = {step["name"] for step in steps}
    return {"steps": steps, "unreached": [name for name in result.get("planned", []) if name not in begun]}


def _photo(result: Document) -> str | None:
    if not result["answer"] or not result["photo"]:
        return None
    return thumbnails.data_url(Path(result["photo"]), thumbnails.LARGE_PIXELS, quality=82)


def _learned(result: Document) -> str | None:
    """Return a sentence on what the model learnt from, and what was known before."""
    if not _reached(result, "train"):
        return None
    if known := result.get("learned"):
        return f"The model {learned.sentence(known)}."
    return "The training photos were drawn." if result["drawn"] else None


def _gallery(result: Document) -> list[dict[str, str]]:
    data = result.get("data")
    return thumbnails.gallery(Path(data)) if data and _reached(result, "photos") else []


def _training(records: Path | None) -> dict[str, Any] | None:
    """Return the learning curves; None if the training wrote no history."""
    history = records / "history.csv" if records else None
    if not history or not history.is_file():
        return None
    with history.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    if not rows:
        return None
    return {
        "epochs": len(rows),
        "loss": charts.lines(rows, ("train_loss", "val_loss"), "loss (cross-entropy)"),
        "accuracy": charts.lines(rows, ("val_top1",), "validation top-1 (%)", scale=100),
    }


def _test(result: Document, records: Path | None) -> dict[str, Any] | None:
    """Return what the test photos showed; None if the training wrote no predictions."""
    predictions = evaluation.read(records) if records else []
    if not predictions:
        return None
    counts = evaluation.matrix(predictions)
    data = Path(result["data"]) if result.get("data") else None

    def picture(row: evaluation.Prediction) -> dict[str, Any]:
        image = _inside(data, row.photo)
        return {
            "image": thumbnails.data_url(image, thumbnails.SMALL_PIXELS) if image else None,
            **vars(row),
        }

    return {
        "photos": len(predictions),
        "right": sum(row.right for row in predictions),
        "classes": evaluation.classes(predictions),
        "counts": counts if len(counts) <= evaluation.SMALL else None,
        "cells": evaluation.cells(counts),
        "pairs": evaluation.pairs(predictions),
        "worst": [
            {**row, "wrong": [picture(wrong) for wrong in row["wrong"][:3]]}
            for row in evaluation.worst(predictions)
        ],
        "least_certain": [picture(row) for row in evaluation.least_certain(predictions)],
        "reliability": charts.reliability(evaluation.reliability(predictions)),
        "ece": result["metrics"].get("ece"),
    }


def _inside(data: Path | None, name: str) -> Path | None:
    """Return a photo of the data folder; None if it is not there, or the name leads out of the folder."""
    path = PurePosixPath(name)
    if data is None or path.is_absolute() or ".." in path.parts:
        return None
    photo = data / path  # may be a link: a split of a folder has links to its photos
    return photo if photo.is_file() else None


def _latency(result: Document) -> dict[str, Any] | None:
    measured = result.get("latency")
    if not measured or not measured["warm"]:
        return None
    warm = measured["warm"]
    return {
        "first": 1000 * measured["first"],
        "p50": 1000 * statistics.median(warm),
        "least": 1000 * min(warm),
        "most": 1000 * max(warm),
        "count": len(warm),
        "chart": charts.latency(measured["first"], warm),
    }


def _settings(result: Document, records: Path | None) -> dict[str, dict[str, Any]]:
    """Return the groups of the last section: versions, what was asked for, hyperparameters."""
    run = records / "run.json" if records else None
    trained = json.loads(run.read_text(encoding="utf-8")) if run and run.is_file() else {}
    chosen = {field.name for field in fields(Hyperparameters)}
    given = {
        "photo": result["photo"],
        "photos to train on": result.get("data"),
        "kept": "yes" if result["kept"] else "no",
        "log of the local cloud": result.get("log"),
    }
    groups = {
        "Versions": {name: value for name, value in result.get("versions", {}).items() if value},
        "Run": {name: value for name, value in given.items() if value},
        "Training": {
            **{
                name: {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
                for name, value in trained.get("arguments", {}).items()
                if name in chosen and value is not None
            },
            **{name: trained[name] for name in ("hosts", "device", "revision") if trained.get(name)},
        },
    }
    return {name: values for name, values in groups.items() if values}
