"""Fit the smoothing factors of the forecast hook and write them to model.json.

    python fit.py

Data: the monthly totals of international airline passengers, 1949 to 1960, in thousands (Box and Jenkins, Time Series
Analysis, 1976, series G). The last twelve months are held out; the factors are chosen on the eleven years before by grid
search over the one-step-ahead error. Writes model.json and request.json.
"""

import itertools
import json
from pathlib import Path

import numpy as np
from hook import HoltWinters

HERE = Path(__file__).parent
SERIES = np.array(json.loads((HERE / "passengers.json").read_text()), dtype=np.float64)


def main() -> None:
    history, future = SERIES[:-12], SERIES[-12:]
    grid = np.linspace(0.05, 0.95, 10)
    best = min(
        (HoltWinters(a, b, g, season=12) for a, b, g in itertools.product(grid, grid, grid)),
        key=lambda model: model.one_step_error(history),
    )
    factors = {"alpha": best.alpha, "beta": best.beta, "gamma": best.gamma, "season": 12}
    (HERE / "model.json").write_text(json.dumps({k: round(v, 4) for k, v in factors.items()}) + "\n")
    (HERE / "request.json").write_text(json.dumps({"inputs": {"history": [history.tolist()]}}) + "\n")
    forecast = best.forecast(history, 12)
    print(f"{factors}\nheld-out year: mean absolute percentage error {np.mean(np.abs(forecast / future - 1)):.3%}")


if __name__ == "__main__":
    main()
