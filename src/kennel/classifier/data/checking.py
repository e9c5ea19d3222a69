"""The check of a folder of labelled photos: what stops a training, and what makes its metrics untrue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kennel import pictures
from kennel.classifier import imagenet
from kennel.classifier.data import (
    DataError,
    assignment,
    fingerprints,
    folder,
    leakage,
    names,
    placement,
    sources,
)
from kennel.classifier.data.fingerprints import Fingerprint, Progress
from kennel.classifier.data.sources import Photo, Source

FEW_PHOTOS = 3  # to train on; with fewer, what is learnt of a class depends on chance


@dataclass
class Report:
    """The result of `check`: ``errors`` stop a training, ``warnings`` do not; each is one line.

    Parameters
    ----------
    counts
        Photos of each split; of a folder that is not split, all photos under ``photos``.
    foreign
        Photos that must be converted for a training.
    copies, near
        Groups of photos that are equal to the byte; pairs that are nearly so and lie in different splits.
    """

    root: Path
    classes: int = 0
    split: bool = True
    counts: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    copies: list[list[str]] = field(default_factory=list)
    near: list[list[str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether a training on this folder can start."""
        return not self.errors


def check(directory: Path, progress: Progress = None, *, allow_leakage: bool = False) -> Report:
    """Check every file of a folder of photos, split or not, and report what is wrong with it.

    Parameters
    ----------
    allow_leakage
        Whether photos of the test split may be in another split too: then it is a warning.

    Raises
    ------
    DataError
        There are no labelled photos, so nothing can be checked.
    """
    source = sources.read(directory)
    report = Report(source.root, split=bool(source.splits), misplaced=source.ignored)
    examined = fingerprints.examine_all([photo.path for photo in source.photos], progress)
    checked = _Checked(source, examined, report)
    checked.report_structure()
    checked.report_names()
    checked.report_files()
    checked.report_copies(allow_leakage)
    checked.report_near()
    report.errors = [names.in_one_line(line) for line in report.errors]
    report.warnings = [names.in_one_line(line) for line in report.warnings]
    return report


def refuse(report: Report) -> None:
    """Raise an error if a training on the folder cannot start.

    Raises
    ------
    DataError
        The report has errors; the text has the first of them.
    """
    if report.errors:
        more = (
            f" (and {len(report.errors) - 1} more: ./kennel data.check lists them)"
            if report.errors[1:]
            else ""
        )
        raise DataError(f"{report.root}: {report.errors[0]}{more}")


def _lacking(source: Source) -> str:
    """Return what a folder lacks that a training expects."""
    if not source.splits:
        return "is not split"
    missing = [split for split in sources.SPLITS if split not in source.splits]
    return (
        f"has no {' and no '.join(missing)}"
        if missing
        else "names its splits otherwise than train, valid, test"
    )


@dataclass(frozen=True)
class _Checked:
    """The photos of a folder with their fingerprints, and the report that receives what is found."""

    source: Source
    examined: Sequence[Fingerprint]
    report: Report

    def report_structure(self) -> None:
        """Report missing splits and classes, and those that have few photos."""
        source, report = self.source, self.report
        if source.complete:
            trained = tuple(path.name for path in sources.folders(source.splits["train"]))
            report.errors += folder.structure_errors(source.root, trained)
        else:
            trained = source.classes
            report.errors += self._split_errors()
            command = sources.split_command(source.root)
            report.warnings.append(f"{_lacking(source)}: data.upload and rehearse split it, or {command}")
            unknown = [name for name in source.empty if not imagenet.categories_of(name)]
            trained += tuple(name for name in source.empty if name not in unknown)
            if unknown:
                report.warnings.append(
                    f"{len(unknown)} folders hold no photos and are left out, such as {unknown[0]}/"
                )
        report.classes = len(trained)
        among = Counter(photo.split or "photos" for photo in source.photos)
        report.counts = {name: among[name] for name in source.splits or ["photos"]}
        self._small_classes(trained)

    def _split_errors(self) -> list[str]:
        """Return why the photos cannot be split."""
        known = [name for name in self.source.empty if imagenet.categories_of(name)]
        if few := names.too_few([*self.source.classes, *known]):
            return [few]
        try:
            placement.place(self.source, self.examined, assignment.Shares(), seed=0)
        except DataError as error:
            return [str(error)]
        return []

    def _small_classes(self, classes: Sequence[str]) -> None:
        readable = Counter(
            (photo.split or "train", photo.label)
            for photo, seen in zip(self.source.photos, self.examined, strict=True)
            if not seen.fault
        )
        for split in assignment.HELD_OUT if self.source.complete else ():
            if bare := [name for name in classes if not readable[split, name]]:
                self.report.warnings.append(
                    f"{split}/ lacks {len(bare)} of {len(classes)} classes, such as {bare[0]}"
                )
        counts = {name: readable["train", name] for name in classes}
        if few := sorted((n, name) for name, n in counts.items() if n < FEW_PHOTOS):
            n, name = few[0]
            where = "to train on" if self.source.splits else "in all"
            self.report.warnings.append(
                f"{len(few)} of {len(classes)} classes have fewer than {FEW_PHOTOS} photos {where}, "
                f"such as {name} ({n})"
            )

    def report_names(self) -> None:
        """Report names that are refused, and names that collide."""
        source, report = self.source, self.report
        directories = source.splits.values() or [source.root]
        labels = sorted({path.name for directory in directories for path in sources.folders(directory)})
        files = sorted({photo.path.name for photo in source.photos})
        for name in [*labels, *files]:
            if (reason := names.refusal(name)) and reason not in report.errors:
                report.errors.append(reason)
        report.errors += names.collisions(labels)
        for group in names.shown_alike(source.classes):
            if not names.same_folder(group):
                report.warnings.append(
                    f"the classes {' and '.join(map(repr, group))} are shown by the same name"
                )

    def report_files(self) -> None:
        """Report files that are no photos, cannot be read or must be converted."""
        report, total = self.report, len(self.examined)
        for photo, seen in zip(self.source.photos, self.examined, strict=True):
            if seen.fault:
                report.unreadable.append(f"{self.source.name(photo)}: {seen.fault}")
            elif seen.foreign:
                report.foreign.append(self.source.name(photo))
        if report.misplaced:
            report.warnings.append(
                f"{len(report.misplaced)} misplaced files are ignored, such as {report.misplaced[0]}"
            )
        if report.foreign:
            report.warnings.append(
                f"{len(report.foreign)} photos are converted by data.upload, rehearse and data.split, "
                f"such as {report.foreign[0]}"
            )
        if report.unreadable:
            line = f"{len(report.unreadable)} of {total} pictures are unreadable: {report.unreadable[0]}"
            too_many = pictures.too_many_unreadable(len(report.unreadable), total)
            (report.errors if too_many else report.warnings).append(line)

    def report_copies(self, allow_leakage: bool) -> None:
        """Report photos that are there twice: in several splits, in several classes, or in one folder."""
        photos, report = self.source.photos, self.report
        groups = [
            [photos[position] for position in group]
            for group in fingerprints.copies([seen.digest for seen in self.examined])
        ]
        report.copies = [[self.source.name(photo) for photo in group] for group in groups]
        splits = [{photo.split for photo in group} for group in groups]
        tested = [
            group
            for group, among in zip(groups, splits, strict=True)
            if leakage.GUARDED in among and len(among) > 1
        ]
        if tested:
            line = leakage.message(len(tested), *self._example(tested[0], leakage.GUARDED), self.source.root)
            (report.warnings if allow_leakage else report.errors).append(line)
        if validated := [
            group for group, among in zip(groups, splits, strict=True) if among == {"train", "valid"}
        ]:
            example = " and ".join(self._example(validated[0], "valid"))
            report.warnings.append(
                f"{len(validated)} photos of valid/ are in train/ too, so that val_loss and val_top1 are too "
                f"good: {example}"
            )
        if contrary := [group for group in groups if len({photo.label for photo in group}) > 1]:
            example = " and ".join(map(self.source.name, contrary[0][:2]))
            report.warnings.append(f"{len(contrary)} photos are in several classes: {example}")
        same = [group for group in groups if len({(photo.split, photo.label) for photo in group}) == 1]
        if same:
            surplus = sum(len(group) - 1 for group in same)
            report.warnings.append(
                f"{surplus} photos are copies of another one in their folder, such as "
                f"{self.source.name(same[0][1])}"
            )

    def _example(self, group: Sequence[Photo], split: str) -> tuple[str, str]:
        held_out = next(photo for photo in group if photo.split == split)
        other = next(photo for photo in group if photo.split != split)
        return self.source.name(held_out), self.source.name(other)

    def report_near(self) -> None:
        """Report photos that another split has in another size or encoding."""
        if not self.source.splits:
            return  # a split that is made keeps them together
        photos, seen = self.source.photos, set()
        hashes = []
        for fingerprint in self.examined:
            hashes.append(None if fingerprint.digest in seen else fingerprint.bits)
            seen.add(fingerprint.digest)
        self.report.near = [
            [self.source.name(photos[position]), self.source.name(photos[other])]
            for position, other in fingerprints.near_pairs(hashes)
            if photos[position].split != photos[other].split
        ]
        if self.report.near:
            self.report.warnings.append(
                f"{len(self.report.near)} pairs of photos in different splits are nearly the same, such as "
                f"{' and '.join(self.report.near[0])}"
            )
