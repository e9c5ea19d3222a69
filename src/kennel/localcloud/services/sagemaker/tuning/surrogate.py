"""A Gaussian process: what a few trials say about points between them, and where to hope for better ones."""

from __future__ import annotations

import math

import numpy as np

SCALES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
NOISES = (1e-4, 1e-3, 1e-2, 1e-1)
SWEEPS = 2
# Coordinates lie between 0 and 1. Without a prior a handful of points is explained by whatever is wildest.
USUAL_SCALE, SCALE_DECADES = 0.8, 0.5


class GaussianProcess:
    """A process of mean 0 and variance 1 over standardised values, with a Matérn 5/2 kernel.

    Each coordinate has a length scale of its own, and there is some noise: what makes the values most
    likely is chosen from a few, coordinate by coordinate (Rasmussen & Williams 2006, ch. 2 and 5).

    Parameters
    ----------
    points
        (N, D), N at least 1.
    values
        (N,), finite.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray) -> None:
        self._fit(points, values, None)

    def _fit(self, points: np.ndarray, values: np.ndarray, setting: tuple[np.ndarray, float] | None) -> None:
        self.points, self.values = points, values
        self.centre, self.spread = float(values.mean()), float(values.std()) or 1.0
        self._standard = (values - self.centre) / self.spread
        self.scales, self.noise = setting or self._most_likely()
        lower = np.linalg.cholesky(self._covariance(self.scales, self.noise))
        self._lower = lower
        self._weights = np.linalg.solve(lower.T, np.linalg.solve(lower, self._standard))

    def believing(self, points: np.ndarray) -> GaussianProcess:
        """Return the process that takes what it expects at these points (M, D) for values."""
        mean, _ = self.predict(points)
        other = object.__new__(GaussianProcess)
        together = np.concatenate([self.points, points]), np.concatenate([self.values, mean])
        other._fit(*together, (self.scales, self.noise))
        return other

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation (M,) at points (M, D)."""
        across = _kernel(points, self.points, self.scales)
        mean = across @ self._weights
        variance = 1.0 - (np.linalg.solve(self._lower, across.T) ** 2).sum(axis=0)
        deviation = np.sqrt(np.maximum(variance, 1e-12))
        return self.centre + self.spread * mean, self.spread * deviation

    def expected_improvement(self, points: np.ndarray, best: float) -> np.ndarray:
        """Return by how much each point (M, D) is expected to fall below ``best`` (Jones et al. 1998)."""
        mean, deviation = self.predict(points)
        ahead = (best - mean) / deviation
        density = np.exp(-0.5 * ahead**2) / math.sqrt(2 * math.pi)
        below = np.array([0.5 * (1 + math.erf(one / math.sqrt(2))) for one in ahead.tolist()])
        improvement: np.ndarray = deviation * (ahead * below + density)
        return improvement

    def _covariance(self, scales: np.ndarray, noise: float) -> np.ndarray:
        covariance: np.ndarray = _kernel(self.points, self.points, scales) + noise * np.eye(len(self.points))
        return covariance

    def _most_likely(self) -> tuple[np.ndarray, float]:
        scales, noise = np.full(self.points.shape[1], USUAL_SCALE), NOISES[1]
        best = self._likelihood(scales, noise)
        for _ in range(SWEEPS):
            for coordinate in range(len(scales)):
                for scale in SCALES:
                    other = scales.copy()
                    other[coordinate] = scale
                    found = self._likelihood(other, noise)
                    if found > best:
                        best, scales = found, other
            for one in NOISES:
                found = self._likelihood(scales, one)
                if found > best:
                    best, noise = found, one
        return scales, noise

    def _likelihood(self, scales: np.ndarray, noise: float) -> float:
        """Return the logarithm of the values' likelihood, up to a constant, times the scales' prior."""
        lower = np.linalg.cholesky(self._covariance(scales, noise))
        white = np.linalg.solve(lower, self._standard)
        prior = ((np.log10(scales / USUAL_SCALE) / SCALE_DECADES) ** 2).sum()
        return float(-0.5 * (white @ white) - np.log(np.diag(lower)).sum() - 0.5 * prior)


def _kernel(some: np.ndarray, others: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Return the Matérn 5/2 covariances (M, N) of points (M, D) and (N, D)."""
    difference = (some[:, None, :] - others[None, :, :]) / scales
    distance = math.sqrt(5.0) * np.sqrt((difference**2).sum(axis=2))
    covariance: np.ndarray = (1.0 + distance + distance**2 / 3.0) * np.exp(-distance)
    return covariance
