"""Loading a scikit-learn estimator from a file, with trust.

    .skops              holds no code; types it does not know are refused by name
    .joblib, .pkl       pickles: loading one runs whatever code it holds, so only with `trust_pickle: true`

The content decides, not the suffix. What scikit-learn says about versions is translated into one warning.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mldeploy.bundle.sniff import SKOPS, Kind
from mldeploy.errors import ModelError

SAFE_WAY = 'where it was trained: import skops.io; skops.io.dump(model, "model.skops"), then model.path: model.skops'

# Types inside scikit-learn's own estimators that skops 0.16 asks about, looked through one by one (2026-11): they hold
# numbers or compute with them, and none imports, opens or starts anything. Exact names: a prefix would let in
# whatever those modules import.
HARMLESS_TYPES = frozenset(
    {
        "numpy.dtype",
        "numpy.mean",
        "scipy.interpolate._bsplines.BSpline",
        "scipy._lib.array_api_compat.numpy._aliases.asarray",
        "sklearn.tree._tree.Tree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neighbors._ball_tree.BallTree",
        *(f"sklearn.metrics._dist_metrics.{name}Distance64" for name in ("Euclidean", "Manhattan", "Chebyshev", "Minkowski")),
        *(
            f"sklearn._loss.loss.{name}"
            for name in (
                "HalfSquaredError",
                "HalfPoissonLoss",
                "HalfGammaLoss",
                "HalfTweedieLoss",
                "HalfTweedieLossIdentity",
                "HalfBinomialLoss",
                "HalfMultinomialLoss",
            )
        ),
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        *(
            f"sklearn.feature_selection._univariate_selection.{name}"
            for name in ("f_classif", "f_regression", "chi2", "r_regression")
        ),
        *(
            f"sklearn.gaussian_process.kernels.{name}"
            for name in (
                "ConstantKernel",
                "Product",
                "Sum",
                "RBF",
                "WhiteKernel",
                "Matern",
                "RationalQuadratic",
                "DotProduct",
                "Exponentiation",
            )
        ),
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.cluster._kmeans._kmeans_single_lloyd",
        *(f"sklearn.neural_network._stochastic_optimizers.{name}Optimizer" for name in ("Adam", "SGD")),
    }
)


@dataclass(frozen=True)
class LoadedEstimator:
    """`trusted_types` are those beyond skops's own that were let through; `warnings` are for the user."""

    estimator: Any
    title: str
    trusted_types: tuple[str, ...]
    warnings: tuple[str, ...]


def load(path: Path, kind: Kind, trust_pickle: bool) -> LoadedEstimator:
    """Load and check a fitted estimator. Raises ModelError: refused for safety, damaged, or not an estimator."""
    if kind is not SKOPS and not trust_pickle:
        raise ModelError(
            f"{path} is {kind.title}: loading it can run any code that its author put in",
            f"save it in a format without code, {SAFE_WAY}; or, if you made the file, set model.trust_pickle: true "
            "(mldeploy init --trust-pickle)",
        )
    trusted: tuple[str, ...] = ()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if kind is SKOPS:
                trusted = _unknown_types(path, trust_pickle)
                estimator = _load_skops(path, trusted)
            else:
                estimator = _load_pickle(path)
    except ModelError:
        raise
    except ImportError as error:
        missing = error.name or str(error)
        package = missing.partition(".")[0]
        is_ours = package in ("sklearn", "skops", "joblib")
        raise ModelError(
            f"{path} needs the Python module {missing!r}, which is not installed",
            "pip install 'mldeploy[sklearn]'" if is_ours else f"install the package that has {package}",
        ) from error
    except Exception as error:
        raise ModelError(
            f"{path} cannot be loaded: {type(error).__name__}: {_first_line(error)}",
            "it is damaged, or was written with other versions of scikit-learn or numpy: dump it again",
        ) from error
    _check_estimator(estimator, path)
    return LoadedEstimator(estimator, title(estimator), trusted, tuple(_version_warnings(caught)))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]


def _unknown_types(path: Path, is_trusted: bool) -> tuple[str, ...]:
    from skops import io

    unknown = tuple(sorted(io.get_untrusted_types(file=path)))
    foreign = [name for name in unknown if name not in HARMLESS_TYPES]
    if foreign and not is_trusted:
        raise ModelError(
            f"{path} holds types that are not known as safe: {', '.join(foreign)}",
            "loading them runs their code; if you know them to be harmless, set model.trust_pickle: true",
        )
    return unknown


def _load_skops(path: Path, trusted: tuple[str, ...]) -> Any:
    from skops import io

    return io.load(path, trusted=list(trusted))


def _load_pickle(path: Path) -> Any:
    import joblib

    return joblib.load(path)


def _check_estimator(estimator: Any, path: Path) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    kind = type(estimator).__name__
    if hasattr(estimator, "get_params") and hasattr(estimator, "fit") and not _answers(estimator):
        raise ModelError(f"{path} holds a {kind}, which has neither predict nor transform", "it cannot answer for new rows")
    if isinstance(estimator, type) or not _answers(estimator):
        inside = f" with the keys {', '.join(map(repr, list(estimator)[:5]))}" if isinstance(estimator, dict) else ""
        raise ModelError(
            f"{path} holds a {kind}{inside}, not a scikit-learn estimator",
            "dump the fitted estimator itself (a Pipeline, when there are several steps)",
        )
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        raise ModelError(f"{path} holds a {kind} that is not fitted", "call fit before dumping it") from None
    except TypeError as error:
        raise ModelError(
            f"{path} holds a {kind}, which is not a scikit-learn estimator", "serve it with `format: python`"
        ) from error


def _answers(estimator: Any) -> bool:
    return hasattr(estimator, "predict") or hasattr(estimator, "transform")


def _version_warnings(caught: list[warnings.WarningMessage]) -> Iterator[str]:
    """One line a version, whatever number of estimators scikit-learn warned about."""
    from sklearn.exceptions import InconsistentVersionWarning

    seen = set()
    for entry in caught:
        if isinstance(entry.message, InconsistentVersionWarning):
            seen.add((str(entry.message.original_sklearn_version), str(entry.message.current_sklearn_version)))
    for written, current in sorted(seen):
        yield (
            f"the model was written by scikit-learn {written} and read by {current}: its answers may differ; "
            f"pack it with scikit-learn {written}, or dump it again with {current}"
        )


def title(estimator: Any) -> str:
    """ "LogisticRegression", or for a pipeline "StandardScaler + LogisticRegression"."""
    steps = getattr(estimator, "steps", None)
    names = (
        [type(step).__name__ for _, step in steps if step not in (None, "passthrough")] if steps else [type(estimator).__name__]
    )
    return " + ".join(names)


def description(estimator: Any) -> str:
    """ "scikit-learn 1.9.1 LogisticRegression · 64 features · 10 classes"."""
    import sklearn

    parts = [f"scikit-learn {sklearn.__version__} {title(estimator)}"]
    features = getattr(estimator, "n_features_in_", None)
    if features is not None:
        parts.append(f"{features} feature{'s'[: features != 1]}")
    labels = classes(estimator)
    if labels:
        parts.append(f"{len(labels)} classes")
    return " · ".join(parts)


def classes(estimator: Any) -> tuple[str, ...]:
    """Class names of a single-output classifier, in the order of its probabilities; () for anything else."""
    import numpy as np

    try:
        found = getattr(estimator, "classes_", None)
    except AttributeError:  # pragma: no cover  a pipeline whose last step has none raises through its property
        return ()
    if not isinstance(found, np.ndarray) or found.ndim != 1:
        return ()
    return tuple(str(value) for value in found.tolist())
