"""The sklearn engine: scikit-learn itself, for estimators that no converter knows.

`.skops` files hold no code and are loaded with the types that the bundle trusts (`sklearn.trusted_types`); pickle-based files
(`.joblib`, `.pkl`, `.pickle`) run code when loaded, and only if the bundle says `trust_pickle`. One input [N, features] is the
matrix, one input [N] of BYTES the texts, several inputs [N, 1] named columns. Each output names the method that gives it in
`sklearn.methods` ({"probabilities": "predict_proba"}); without that, outputs with "prob" in their name take predict_proba and
others predict.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from mldeploy.handlers.engines import EngineError, arrays
from mldeploy.handlers.engines.signature import admit
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples")


def open_sklearn(manifest: Manifest) -> SklearnEngine:
    """Load the bundle's estimator. Raises EngineError."""
    arrays.check_dtypes(manifest.inputs + manifest.outputs)
    settings = manifest.raw.get("sklearn") or {}
    path = manifest.root / manifest.entry
    try:
        if path.suffix == ".skops":
            estimator = _load_skops(path, list(settings.get("trusted_types", ())))
        elif manifest.raw.get("trust_pickle") is True:
            estimator = _load_pickle(path)
        else:
            raise EngineError(
                f"{manifest.entry} is pickle-based, which runs code when loaded; the bundle does not say trust_pickle"
            )
    except EngineError:
        raise
    except Exception as error:
        raise EngineError(f"{manifest.entry} cannot be loaded: {type(error).__name__}: {error}") from error
    # without pandas there are no column names to give
    warnings.filterwarnings("ignore", message="X does not have valid feature names", category=UserWarning)
    return SklearnEngine(manifest, estimator, dict(settings.get("methods", {})))


class SklearnEngine:
    """A loaded estimator."""

    name = "sklearn"
    fallback_reason = ""

    def __init__(self, manifest: Manifest, estimator: Any, methods: dict[str, str]) -> None:
        self.inputs = manifest.inputs
        self.outputs = manifest.outputs
        self._estimator: Any = estimator
        self._methods = {spec.name: methods.get(spec.name) or _method(spec.name) for spec in self.outputs}
        for output, method in self._methods.items():
            if method not in METHODS or not hasattr(estimator, method):
                raise EngineError(f"output {output}: {type(estimator).__name__} has no method {method}")

    def run(self, inputs: dict[str, Tensor], timeout_s: float | None = None) -> dict[str, Tensor]:
        estimator = self._estimator
        if estimator is None:
            raise EngineError("the engine is closed")
        rows = self._rows({name: arrays.to_array(tensor) for name, tensor in admit(self.inputs, inputs).items()})
        results: dict[str, Any] = {}
        for method in dict.fromkeys(self._methods.values()):
            try:
                results[method] = getattr(estimator, method)(rows)
            except Exception as error:
                raise EngineError(f"{type(estimator).__name__}.{method}: {type(error).__name__}: {error}") from error
        return {spec.name: arrays.conform(results[self._methods[spec.name]], spec) for spec in self.outputs}

    def _rows(self, columns: dict[str, Any]) -> Any:
        """What the estimator was fitted with: a table if it knows its columns by name, else a matrix or a list of texts."""
        first, names = next(iter(columns.values())), getattr(self._estimator, "feature_names_in_", None)
        if len(columns) == 1 and names is not None and first.ndim == 2 and first.shape[1] == len(names):
            columns = {str(name): first[:, position] for position, name in enumerate(names)}
        elif len(columns) == 1:
            return first
        return arrays.matrix(columns) if names is None else arrays.table(columns)

    def close(self) -> None:
        self._estimator = None


def _method(output: str) -> str:
    return "predict_proba" if "prob" in output.lower() else "predict"


def _load_skops(path: Path, trusted: list[str]) -> Any:
    from skops import io

    return io.load(path, trusted=trusted)


def _load_pickle(path: Path) -> Any:
    import joblib

    return joblib.load(path)
