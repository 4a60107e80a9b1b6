"""A model that no converter knows: Holt-Winters exponential smoothing, in plain numpy.

`mldeploy` calls `load` once and `predict` for every request. Multiplicative seasonality, after P. R. Winters, "Forecasting
Sales by Exponentially Weighted Moving Averages", Management Science 6 (1960).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HORIZON = 12


@dataclass(frozen=True)
class HoltWinters:
    """Smoothing factors in (0, 1) for level, trend and season; `season` is the period in steps."""

    alpha: float
    beta: float
    gamma: float
    season: int

    def _smooth(self, series: np.ndarray) -> tuple[float, float, np.ndarray, float]:
        first, second = series[: self.season], series[self.season : 2 * self.season]
        level, trend = float(first.mean()), float((second.mean() - first.mean()) / self.season)
        factors = first / level
        error = 0.0
        for step in range(self.season, len(series)):
            value, slot = float(series[step]), step % self.season
            error += ((level + trend) * factors[slot] - value) ** 2
            previous = level
            level = self.alpha * value / factors[slot] + (1 - self.alpha) * (level + trend)
            trend = self.beta * (level - previous) + (1 - self.beta) * trend
            factors[slot] = self.gamma * value / level + (1 - self.gamma) * factors[slot]
        return level, trend, factors, error

    def one_step_error(self, series: np.ndarray) -> float:
        """Sum of squared one-step-ahead errors over `series`."""
        return self._smooth(series)[3]

    def forecast(self, series: np.ndarray, steps: int) -> np.ndarray:
        """The next `steps` values after `series`, which must cover two seasons."""
        level, trend, factors, _ = self._smooth(series)
        return np.array([(level + (h + 1) * trend) * factors[(len(series) + h) % self.season] for h in range(steps)])


def load(model_dir: Path) -> HoltWinters:
    """Read the factors that fit.py wrote."""
    return HoltWinters(**json.loads((model_dir / "model.json").read_text()))


def predict(model: HoltWinters, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """history FP32 [rows, months] -> forecast FP32 [rows, 12]."""
    history = inputs["history"].astype(np.float64)
    if history.shape[1] < 2 * model.season:
        raise ValueError(f"history needs at least {2 * model.season} months, got {history.shape[1]}")
    return {"forecast": np.stack([model.forecast(row, HORIZON) for row in history]).astype(np.float32)}
