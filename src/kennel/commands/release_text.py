"""What tasks print of a release: its metrics, and what is worse than in the deployed one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kennel.aws.infrastructure.stack import Stack
    from kennel.aws.release.releases import Release


def measured(release: Release) -> str:
    """Return the release's metrics for people."""
    shown = {"test_top1": "top-1", "test_loss": "loss"}
    texts = [f"{text} {release.metrics[name]:.4g}" for name, text in shown.items() if name in release.metrics]
    return ", ".join(texts) or "nothing was measured"


def signed_off(release: Release) -> list[str]:
    """Return what serves a release, why, and how fast and large it is, for people."""
    if release.sign_off is None:
        return []  # of an earlier version
    lines = [f"{release.runtime}: {release.sign_off['reason']}"]
    if small := (release.sign_off["int8"] or {}).get("small_set"):
        lines.append(small)
    if release.input:
        lines.append(f"takes {release.input['dtype']} pixels {tuple(release.input['shape'])}")
    if release.latency and release.size:
        lines.append(
            f"{release.latency['p50_ms']} ms for a photo on {release.latency['cores']} cores (median), "
            f"{release.size / 1e6:.1f} MB"
        )
    return lines


def compared(stack: Stack, release: Release) -> dict[str, Any]:
    """Warn of what is worse than in the deployed release; return the comparison for the document."""
    from kennel import terminal
    from kennel.aws.deployment import release_comparison

    comparison = release_comparison.with_deployed(stack, release)
    for warning in comparison.warnings if comparison else []:
        terminal.print_warning(warning)
    return {"compared": comparison.as_dict() if comparison else None}
