"""Bundles of format "sklearn": estimators run as they are."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from mldeploy.handlers.config import ServingConfig
from mldeploy.handlers.engines import EngineError, EngineInputError, arrays, open_engine
from mldeploy.handlers.manifest import Manifest
from mldeploy.handlers.tensor import Tensor, TensorSpec

Make = Callable[..., Manifest]
FEATURES, LABELS = load_iris(return_X_y=True)
X = TensorSpec("X", "FP32", (-1, 4))
LABEL, PROBABILITIES = TensorSpec("label", "INT64", (-1,)), TensorSpec("probabilities", "FP32", (-1, 3))
ROW = {"X": Tensor("FP32", (150, 4), FEATURES.astype("f4").tobytes())}


@pytest.fixture
def saved(bundle: Make) -> Make:
    def make(
        estimator: Any,
        inputs: tuple[TensorSpec, ...] = (X,),
        outputs: tuple[TensorSpec, ...] = (LABEL, PROBABILITIES),
        entry: str = "model.skops",
        **raw: Any,
    ) -> Manifest:
        manifest = bundle(b"", inputs, outputs, raw=raw, format="sklearn", entry=entry)
        path = manifest.root / entry
        skops.io.dump(estimator, path) if path.suffix == ".skops" else joblib.dump(estimator, path)
        return manifest

    return make


def run(manifest: Manifest, row: dict[str, Tensor] = ROW) -> dict[str, Tensor]:
    engine = open_engine(manifest, ServingConfig())
    try:
        return engine.run(row, 30.0)
    finally:
        engine.close()


def test_label_and_probabilities(saved: Make) -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FEATURES, LABELS)
    answer = run(saved(estimator))
    assert answer["label"] == Tensor("INT64", (150,), estimator.predict(FEATURES.astype("f4")).tobytes())
    expected = estimator.predict_proba(FEATURES.astype("f4")).astype("f4")
    assert answer["probabilities"] == Tensor("FP32", (150, 3), expected.tobytes())


def test_the_bundle_names_the_methods(saved: Make) -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FEATURES, LABELS)
    outputs = (TensorSpec("margin", "FP64", (-1, 3)),)
    answer = run(saved(estimator, outputs=outputs, sklearn={"methods": {"margin": "decision_function"}}))
    assert answer["margin"].data == estimator.decision_function(FEATURES.astype("f4")).astype("f8").tobytes()


@pytest.mark.parametrize("method", ["predict_proba", "fit"])
def test_a_method_that_is_not_there_or_not_a_prediction_is_refused(saved: Make, method: str) -> None:
    manifest = saved(LinearRegression().fit(FEATURES, LABELS), outputs=(LABEL,), sklearn={"methods": {"label": method}})
    with pytest.raises(EngineError, match=f"output label: LinearRegression has no method {method}"):
        run(manifest)


def test_types_that_skops_does_not_trust_must_be_trusted_by_the_bundle(saved: Make) -> None:
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(FEATURES, LABELS)
    with pytest.raises(EngineError, match=r"model.skops cannot be loaded: UntrustedTypesFoundException"):
        run(saved(estimator))
    manifest = saved(estimator)
    trusted = skops.io.get_untrusted_types(file=manifest.root / "model.skops")
    assert run(saved(estimator, sklearn={"trusted_types": trusted}))["label"].shape == (150,)


@pytest.mark.parametrize("entry", ["model.joblib", "model.pkl", "model.pickle"])
def test_a_pickle_needs_trust(saved: Make, entry: str) -> None:
    estimator = LogisticRegression(max_iter=1000).fit(FEATURES, LABELS)
    for raw in ({}, {"trust_pickle": False}, {"trust_pickle": "yes"}):
        with pytest.raises(EngineError, match=f"{entry} is pickle-based, which runs code when loaded"):
            run(saved(estimator, entry=entry, **raw))
    assert run(saved(estimator, entry=entry, trust_pickle=True))["label"].shape == (150,)


def test_a_damaged_file_and_an_estimator_that_raises(saved: Make) -> None:
    manifest = saved(LogisticRegression(max_iter=1000).fit(FEATURES, LABELS))
    (manifest.root / "model.skops").write_bytes(b"nothing")
    with pytest.raises(EngineError, match=r"model.skops cannot be loaded: "):
        run(manifest)
    with pytest.raises(EngineError, match=r"LogisticRegression.predict: NotFittedError"):
        run(saved(LogisticRegression(), outputs=(LABEL,)))


def test_texts_are_one_input_of_strings(saved: Make) -> None:
    texts = ["good day", "bad day", "good good", "so bad"]
    estimator = make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, ["+", "-", "+", "-"])
    manifest = saved(estimator, (TensorSpec("text", "BYTES", (-1,)),), (TensorSpec("label", "BYTES", (-1,)),))
    assert run(manifest, {"text": Tensor("BYTES", (2,), [b"bad", b"good"])})["label"] == Tensor("BYTES", (2,), [b"-", b"+"])


def test_columns_become_a_matrix(saved: Make) -> None:
    estimator = LinearRegression().fit(FEATURES[:, :2], LABELS)
    columns = (TensorSpec("a", "FP32", (-1, 1)), TensorSpec("b", "FP64", (-1, 1)))
    manifest = saved(estimator, columns, (TensorSpec("variable", "FP32", (-1,)),))
    a, b = np.array([1, 2], "f4"), np.array([3, 4], "f8")
    row = {"a": Tensor("FP32", (2, 1), a.tobytes()), "b": Tensor("FP64", (2, 1), b.tobytes())}
    expected = estimator.predict(np.array([[1, 3], [2, 4.0]])).astype("f4")
    assert run(manifest, row)["variable"].data == expected.tobytes()
    with pytest.raises(EngineInputError, match="b is missing"):
        run(manifest, {"a": row["a"]})


@pytest.mark.parametrize("is_matrix", [True, False])
def test_an_estimator_with_column_names_gets_them(saved: Make, monkeypatch: pytest.MonkeyPatch, is_matrix: bool) -> None:
    tables: list[dict[str, list[float]]] = []

    def table(columns: dict[str, Any]) -> Any:
        tables.append({name: column.reshape(-1).tolist() for name, column in columns.items()})
        return arrays.matrix(columns)

    monkeypatch.setattr(arrays, "table", table)
    estimator = LinearRegression().fit(FEATURES[:, :2], LABELS)
    estimator.feature_names_in_ = np.array(["a", "b"], dtype=object)
    outputs = (TensorSpec("variable", "FP32", (-1,)),)
    if is_matrix:
        inputs: tuple[TensorSpec, ...] = (TensorSpec("X", "FP32", (-1, 2)),)
        row = {"X": Tensor("FP32", (1, 2), np.array([1, 2], "f4").tobytes())}
    else:
        inputs = (TensorSpec("a", "FP32", (-1, 1)), TensorSpec("b", "FP32", (-1, 1)))
        row = {name: Tensor("FP32", (1, 1), np.array([v], "f4").tobytes()) for name, v in (("a", 1), ("b", 2))}
    run(saved(estimator, inputs, outputs), row)
    assert tables == [{"a": [1.0], "b": [2.0]}]


def test_a_table_is_a_data_frame_where_there_is_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """pandas is the user's own choice, so a stand-in shows what it is given."""
    columns = {"a": np.array([[1], [2]]), "b": np.array([3, 4])}
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=lambda given: given))
    assert {name: column.tolist() for name, column in arrays.table(columns).items()} == {"a": [1, 2], "b": [3, 4]}
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert arrays.table(columns).tolist() == [[1, 3], [2, 4]]


def test_closed_is_closed(saved: Make) -> None:
    engine = open_engine(saved(LogisticRegression(max_iter=1000).fit(FEATURES, LABELS)), ServingConfig())
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run(ROW)
