"""Multinomial logistic regression along a path of L2 strengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax
from threadpoolctl import threadpool_limits

# largest gradient entry, preconditioned, at which a fit is taken as converged; looser, and choices
# of C flip
_TOLERANCE = 3e-5
# hundreds where few galaxies are told apart perfectly and the penalty is weak
_MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class Weights:
    """A fitted model: logits = features @ slope + offset."""

    slope: np.ndarray  # float64 (D, c)
    offset: np.ndarray  # float64 (c,)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, float32 (n, c), rows summing to 1."""
        logits = (features @ self.slope.astype(np.float32) + self.offset.astype(np.float32)).astype(
            np.float64
        )
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        return (logits / logits.sum(axis=1, keepdims=True)).astype(np.float32)


class LogisticPath:
    """Fits one data set at several L2 strengths C, each from the last solution.

    Minimises C · Σ cross-entropy + ½ ‖slope‖², scikit-learn's objective. The same L-BFGS runs in
    other coordinates: along the principal axes of the features, each divided by the root of its
    approximate curvature h·variance + 1/(C n), with h the mean of p (1 - p) at the last solution.
    The optimum is the same, but correlated features, as networks make them, need about 20
    iterations instead of hundreds.
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray, num_classes: int) -> None:
        self.count, self.width = features.shape
        self.num_classes = num_classes
        data = features.astype(np.float32)
        variances, axes = np.linalg.eigh((data.T @ data).astype(np.float64) / self.count)
        self._axes = axes
        self._variances = np.maximum(variances, 0.0)
        # (D, n): sums over classes run along memory, which halves their cost
        self._data = axes.T.astype(np.float32) @ data.T
        self._one_hot = np.eye(num_classes, dtype=np.float32)[:, targets]
        share = self._one_hot.mean(axis=1, dtype=np.float64)
        self._curvature = float((share * (1 - share)).mean())
        self._slope = np.zeros((self.width, num_classes))
        self._offset = np.log(np.maximum(share, 1e-3))

    def start_from(self, weights: Weights) -> None:
        """Start the next fit from the solution on other galaxies with the same features."""
        self._slope, self._offset = self._axes.T @ weights.slope, weights.offset
        self._curvature = self._mean_curvature()

    def fit(self, strength: float) -> Weights:
        """Return the optimum at C = `strength` (larger = weaker); RuntimeError if not reached."""
        penalty = 1.0 / (strength * self.count)
        scale = 1.0 / np.sqrt(self._curvature * self._variances + penalty)[:, None]
        start = np.concatenate([(self._slope / scale).ravel(), self._offset])
        options = {"gtol": _TOLERANCE, "ftol": 1e-12, "maxiter": _MAX_ITERATIONS}
        # Hundreds of small products: more threads wait for each other, up to 20 times as long.
        with threadpool_limits(1, user_api="blas"):
            found = minimize(
                self._objective,
                start,
                args=(penalty, scale),
                jac=True,
                method="L-BFGS-B",
                options=options,
            )
        if not np.isfinite(found.fun) or found.nit >= _MAX_ITERATIONS:
            raise RuntimeError(
                f"The logistic regression did not converge at C = {strength:g}: {found.message}"
            )
        self._slope = scale * found.x[: -self.num_classes].reshape(self.width, self.num_classes)
        self._offset = found.x[-self.num_classes :]
        self._curvature = self._mean_curvature()
        return Weights(self._axes @ self._slope, self._offset)

    def _mean_curvature(self) -> float:
        """Return the mean of p (1 - p), the curvature of the cross-entropy in a logit."""
        logits = self._slope.T.astype(np.float32) @ self._data + self._offset[:, None].astype(
            np.float32
        )
        share = softmax(logits, axis=0)
        return float((share * (1 - share)).mean(dtype=np.float64))

    def _objective(
        self, position: np.ndarray, penalty: float, scale: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Return mean cross-entropy + ½ penalty ‖slope‖² and its gradient, scaled."""
        slope = scale * position[: -self.num_classes].reshape(self.width, self.num_classes)
        logits = slope.T.astype(np.float32) @ self._data + position[
            -self.num_classes :, None
        ].astype(np.float32)
        logits -= logits.max(axis=0)
        chosen = (logits * self._one_hot).sum(dtype=np.float64)
        np.exp(logits, out=logits)
        sums = logits.sum(axis=0)
        loss = (np.log(sums).sum(dtype=np.float64) - chosen) / self.count
        logits /= sums
        logits -= self._one_hot
        gradient = scale * (
            (logits @ self._data.T).T.astype(np.float64) / self.count + penalty * slope
        )
        offset_gradient = logits.sum(axis=1, dtype=np.float64) / self.count
        return float(loss + 0.5 * penalty * np.square(slope).sum()), np.concatenate(
            [gradient.ravel(), offset_gradient]
        )
