"""scikit-learn models: refused for safety, converted and compared, or kept as they are. Every model is trained here."""

from __future__ import annotations

import copy
import os
import warnings

import joblib
import numpy as np
import onnx
import pytest
import skops.io
from onnx import numpy_helper
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectFpr
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, RadiusNeighborsClassifier, RadiusNeighborsRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC

from mldeploy.bundle import sklearn_convert, sklearn_file, sklearn_inputs, sklearn_parity, sklearn_rows
from mldeploy.errors import GateError, ModelError
from mldeploy.handlers import manifest

ROWS = np.abs(np.random.default_rng(0).normal(size=(150, 6))) * [1, 2, 3, 0.5, 3, 1.5]
TARGET = np.arange(150) % 3
ROWS[:, 0] += TARGET
TEXTS = ["the quick brown fox is a Jumper", "lazy dogs don't jump", "I am a dog, you're 1 cat", "déjà vu naïve façade x y"] * 10
MOODS = ["good", "bad", "neutral", "good"] * 10


@pytest.fixture
def dump(tmp_path):
    def write(estimator, file="model.skops"):
        if file.endswith(".skops"):
            skops.io.dump(estimator, tmp_path / file)
        else:
            joblib.dump(estimator, tmp_path / file)
        return estimator

    return write


@pytest.fixture
def convert(dump, pack):
    """convert(estimator, ...) -> the Bundle, from a trusted joblib file (skops knows not every estimator)."""

    def make(estimator, **model):
        dump(estimator, "model.joblib")
        return pack(path="model.joblib", trust_pickle=True, **model)

    return make


class TestTrust:
    @pytest.mark.parametrize("file", ["model.joblib", "model.pkl", "model.skops.joblib"])
    def test_a_pickle_is_refused_with_reason_and_way_out(self, dump, pack, file):
        dump(LogisticRegression().fit(ROWS, TARGET > 0), file)
        with pytest.raises(ModelError) as caught:
            pack(path=file)
        assert "loading it can run any code that its author put in" in caught.value.message
        assert 'skops.io.dump(model, "model.skops")' in caught.value.hint

    def test_the_code_in_a_refused_pickle_does_not_run(self, pack, tmp_path):
        class Bomb:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "ran"),)

        joblib.dump(Bomb(), tmp_path / "model.onnx")
        with pytest.raises(ModelError):
            pack(path="model.onnx")
        assert not (tmp_path / "ran").exists()

    def test_skops_needs_no_trust_for_what_scikit_learn_is_made_of(self, dump, pack):
        for estimator in (
            RandomForestClassifier(3),
            KNeighborsClassifier(),
            CalibratedClassifierCV(GaussianNB()),
            make_pipeline(SimpleImputer(), LogisticRegression(max_iter=2000)),
        ):
            dump(estimator.fit(ROWS, TARGET))
            assert pack(path="model.skops").format == "onnx"

    def test_skops_with_foreign_types_is_refused_by_name(self, dump, pack):
        dump(FunctionTransformer(os.path.exists).fit(ROWS))
        with pytest.raises(ModelError, match=r"types that are not known as safe: \S*exists"):
            pack(path="model.skops")

    def test_foreign_types_with_trust(self, dump, pack):
        dump(FunctionTransformer(os.path.exists).fit(ROWS))
        with pytest.raises(ModelError, match="FunctionTransformer cannot be converted"):
            pack(path="model.skops", trust_pickle=True)
        packed = pack(path="model.skops", trust_pickle=True, convert=False)
        (trusted,) = manifest.read(packed.root).raw["sklearn"]["trusted_types"]
        assert trusted.endswith(".exists")


class TestFilesThatDoNotLoad:
    def test_not_an_estimator(self, dump, pack):
        for value, message in (
            ({"model": 1, "scaler": 2}, "a dict with the keys 'model', 'scaler'"),
            (LogisticRegression, "a type"),
            ([1], "a list"),
            (LogisticRegression(), "that is not fitted"),
            (DBSCAN().fit(ROWS), "neither predict nor transform"),
        ):
            dump(value, "model.joblib")
            with pytest.raises(ModelError, match=message):
                pack(path="model.joblib", trust_pickle=True)

    def test_something_with_predict_that_is_no_estimator(self, tmp_path):
        class Odd:
            def predict(self, rows):
                return rows

        with pytest.raises(ModelError, match="is not a scikit-learn estimator"):
            sklearn_file._check_estimator(Odd(), tmp_path)

    def test_cut_off(self, dump, pack, tmp_path):
        dump(LogisticRegression().fit(ROWS, TARGET > 0), "model.joblib")
        (tmp_path / "model.joblib").write_bytes((tmp_path / "model.joblib").read_bytes()[:-40])
        with pytest.raises(ModelError, match="cannot be loaded"):
            pack(path="model.joblib", trust_pickle=True)

    @pytest.mark.parametrize(
        ("content", "message", "hint"),
        [
            (
                b"\x80\x04\x8c\x09no_module\x94\x8c\x05Thing\x94\x93\x94.",
                "needs the Python module 'no_module'",
                "install the package that has no_module",
            ),
            (
                b"\x80\x04\x8c\x0fsklearn.no_such\x94\x8c\x05Thing\x94\x93\x94.",
                "'sklearn.no_such'",
                "pip install 'mldeploy[sklearn]'",
            ),
            (b"\x80\x04\x8c\x0bcollections\x94\x8c\x05Thing\x94\x93\x94.", "AttributeError", "dump it again"),
        ],
    )
    def test_what_a_pickle_names_is_not_there(self, pack, tmp_path, content, message, hint):
        (tmp_path / "model.pkl").write_bytes(content)
        with pytest.raises(ModelError, match=message) as caught:
            pack(path="model.pkl", trust_pickle=True)
        assert hint in caught.value.hint

    def test_another_version_of_scikit_learn_is_one_warning(self, dump, pack, tmp_path):
        estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)
        joblib.dump(estimator, tmp_path / "model.joblib")
        import sklearn

        content = (
            (tmp_path / "model.joblib").read_bytes().replace(sklearn.__version__.encode(), b"1.0.9"[: len(sklearn.__version__)])
        )
        (tmp_path / "model.joblib").write_bytes(content)
        packed = pack(path="model.joblib", trust_pickle=True)
        found = [warning for warning in packed.warnings if "written by scikit-learn" in warning]
        assert len(found) == 1
        assert f"written by scikit-learn 1.0.9 and read by {sklearn.__version__}" in found[0]
        assert pack(path="model.joblib", trust_pickle=True).warnings == packed.warnings  # kept with the bundle


class TestConversion:
    @pytest.mark.parametrize(
        "estimator",
        [
            LogisticRegression(max_iter=2000),
            make_pipeline(StandardScaler(), SVC()),
            make_pipeline(MinMaxScaler(), LinearSVC()),
            make_pipeline(RobustScaler(), LogisticRegression()),
            make_pipeline(MaxAbsScaler(), GaussianNB()),
            BernoulliNB(),
            MultinomialNB(),
            KNeighborsClassifier(),
            QuadraticDiscriminantAnalysis(),
            make_pipeline(PCA(3), LogisticRegression()),
            RandomForestClassifier(10, random_state=0),
            GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [0.1, 1]}),
            VotingClassifier([("a", LogisticRegression(max_iter=2000)), ("b", RandomForestClassifier(3))], voting="soft"),
            make_pipeline("passthrough", GaussianNB()),
        ],
        ids=lambda e: type(e[-1] if hasattr(e, "steps") else e).__name__,
    )
    def test_classifiers(self, convert, run, estimator):
        estimator = copy.deepcopy(estimator).fit(ROWS, TARGET)
        packed = convert(estimator)
        rows = ROWS[:40].astype(np.float32)
        got = run(packed, X=rows)
        np.testing.assert_array_equal(got["label"], estimator.predict(rows.astype(np.float64)))
        assert [spec.name for spec in packed.outputs] == [
            "label",
            "probabilities" if hasattr(estimator, "predict_proba") else "scores",
        ]
        assert all(spec.shape[0] == -1 for spec in packed.outputs)
        if hasattr(estimator, "predict_proba"):
            np.testing.assert_allclose(got["probabilities"], estimator.predict_proba(rows.astype(np.float64)), atol=1e-4)
        document = manifest.read(packed.root).raw
        assert document["parity"]["conversion"]["random_rows"] == 256
        assert "max difference" in packed.facts["parity"]
        assert packed.facts["description"].startswith("scikit-learn ")

    @pytest.mark.parametrize(
        "estimator", [LinearRegression(), RandomForestRegressor(5), make_pipeline(StandardScaler(), LinearRegression())]
    )
    def test_regressors(self, convert, run, estimator):
        estimator.fit(ROWS, TARGET)
        packed = convert(estimator)
        assert [tuple(spec) for spec in packed.outputs] == [("variable", "FP32", (-1, 1))]
        rows = ROWS[:40].astype(np.float32)
        np.testing.assert_allclose(run(packed, X=rows)["variable"][:, 0], estimator.predict(rows.astype(np.float64)), atol=1e-3)

    def test_transformers_clusterers_and_outlier_detectors(self, convert, run):
        rows = ROWS[:9].astype(np.float32)
        pca = PCA(2).fit(ROWS)
        np.testing.assert_allclose(run(convert(pca), X=rows)["variable"], pca.transform(rows.astype(np.float64)), atol=1e-2)
        means = KMeans(3, n_init=1, random_state=0).fit(ROWS)
        np.testing.assert_array_equal(run(convert(means), X=rows)["label"], means.predict(rows.astype(np.float64)))
        forest = IsolationForest(n_estimators=5, random_state=0).fit(ROWS)
        np.testing.assert_array_equal(run(convert(forest), X=rows)["label"].ravel(), forest.predict(rows.astype(np.float64)))

    def test_scores_of_two_classes(self, convert, run):
        estimator = LinearSVC().fit(ROWS, TARGET > 0)
        rows = ROWS[:9].astype(np.float32)
        scores = run(convert(estimator), X=rows)["scores"]
        np.testing.assert_allclose(
            scores.reshape(9, -1)[:, -1], estimator.decision_function(rows.astype(np.float64)), atol=1e-4
        )

    def test_a_scaler_before_trees_moves_nothing_over_a_threshold(self, convert, run):
        generator = np.random.default_rng(0)
        rows = np.round(generator.normal(size=(5000, 8)) * 10.0 ** generator.integers(0, 5, 8))
        target = (rows[:, 0] / (1 + abs(rows[:, 1])) + rows[:, 2] > 0).astype(int)
        estimator = make_pipeline(StandardScaler(), RandomForestClassifier(30, random_state=0)).fit(rows, target)
        packed = convert(estimator)
        got = run(packed, X=rows.astype(np.float32))
        np.testing.assert_array_equal(got["label"], estimator.predict(rows))
        np.testing.assert_allclose(got["probabilities"], estimator.predict_proba(rows), atol=1e-6)
        model = sklearn_convert.convert(estimator, sklearn_inputs.plan_inputs(estimator))
        doubles = [numpy_helper.to_array(t).ravel() for t in model.graph.initializer if t.data_type == onnx.TensorProto.DOUBLE]
        assert any(np.array_equal(array, estimator[0].mean_) for array in doubles)

    def test_the_users_estimator_is_not_changed(self, convert):
        estimator = RandomForestClassifier(3, random_state=0).fit(ROWS, TARGET)
        before = [tree.tree_.threshold.copy() for tree in estimator.estimators_]
        sklearn_convert.convert(estimator, sklearn_inputs.plan_inputs(estimator))
        assert all(np.array_equal(a, tree.tree_.threshold) for a, tree in zip(before, estimator.estimators_, strict=True))

    def test_versions_are_pinned_and_bytes_repeat(self):
        estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, TARGET)
        plan = sklearn_inputs.plan_inputs(estimator)
        models = [sklearn_convert.convert(estimator, plan) for _ in range(2)]
        assert len({model.SerializeToString(deterministic=True) for model in models}) == 1
        assert models[0].ir_version <= 10
        assert {entry.domain: entry.version for entry in models[0].opset_import}[""] <= 20
        assert "ZipMap" not in {node.op_type for node in models[0].graph.node}

    def test_text(self, convert, run):
        estimator = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, MOODS)
        packed = convert(estimator)
        assert [tuple(spec) for spec in packed.inputs] == [("text", "BYTES", (-1, 1))]
        assert packed.labels == ("bad", "good", "neutral")
        texts = [*TEXTS[:4], "A dog, a fox: x is NAÏVE déjà", ""]
        got = run(packed, text=np.array(texts, dtype=object)[:, None])
        assert got["label"].tolist() == estimator.predict(texts).tolist()
        np.testing.assert_allclose(got["probabilities"], estimator.predict_proba(texts), atol=1e-5)
        stored = onnx.load(packed.root / "model.onnx")
        locales = {
            a.s
            for node in stored.graph.node
            if node.op_type == "StringNormalizer"
            for a in node.attribute
            if a.name == "locale"
        }
        assert locales == {b"C.UTF-8"}

    def test_other_text(self, convert):
        chars = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), LogisticRegression()).fit(TEXTS, MOODS)
        assert convert(chars).format == "onnx"
        both = make_pipeline(
            FeatureUnion([("a", TfidfVectorizer()), ("b", TfidfVectorizer(token_pattern="[a-z]+"))]), LogisticRegression()
        )
        assert convert(both.fit(TEXTS, MOODS)).format == "onnx"


class TestColumns:
    @pytest.fixture
    def table(self):
        generator = np.random.default_rng(0)
        rows = np.empty((200, 5), object)
        rows[:, 0] = generator.normal(50, 10, 200)
        rows[:, 1] = generator.normal(0, 1, 200)
        rows[::7, 1] = np.nan
        rows[:, 2] = generator.choice(["red", "green", "blue"], 200)
        rows[:, 3] = generator.integers(0, 4, 200)
        rows[:, 4] = generator.normal(0, 1, 200)
        target = (rows[:, 0] > 50).astype(int) + (rows[:, 2] == "red")
        branches = [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [0, 1]),
            ("classes", OneHotEncoder(handle_unknown="ignore"), [2, 3]),
            ("rest", "passthrough", [4]),
        ]
        estimator = make_pipeline(ColumnTransformer(branches), LogisticRegression(max_iter=1000))
        return estimator.fit(rows, target), rows

    @staticmethod
    def named(estimator, names):
        """As if fitted on a data frame with these columns (which needs no data frame library)."""
        columns = estimator[0]
        columns.feature_names_in_ = np.array(names, dtype=object)
        columns.transformers_ = [
            (n, t, [names[i] for i in c] if isinstance(c, list) else names[c]) for n, t, c in columns.transformers_
        ]
        return estimator

    def test_an_input_a_column(self, convert, run, table):
        estimator, rows = table
        expected = estimator.predict_proba(rows)
        names = ["age", "income", "colour", "children", "score"]
        packed = convert(
            self.named(estimator, names),
            preprocess={"kind": "tabular", "columns": [*names[:3], {"name": "children", "dtype": "int"}, "score"]},
        )
        assert {spec.name: spec.dtype for spec in packed.inputs} == {
            "age": "FP32",
            "income": "FP32",
            "colour": "BYTES",
            "children": "INT64",
            "score": "FP32",
        }
        types = {"FP32": np.float32, "BYTES": object, "INT64": np.int64}
        feeds = {spec.name: rows[:, [names.index(spec.name)]].astype(types[spec.dtype]) for spec in packed.inputs}
        np.testing.assert_allclose(run(packed, **feeds)["probabilities"], expected, atol=1e-5)

    def test_positions_get_names_too(self, convert, table):
        assert [spec.name for spec in convert(table[0]).inputs] == ["x0", "x1", "x2", "x3", "x4"]

    def test_real_rows_by_name(self, convert, table, tmp_path):
        estimator, rows = table
        names = ["age", "income", "colour", "children", "score"]
        lines = [",".join(["id", *reversed(names)])]
        lines += [",".join([str(i), *("" if v != v else str(v) for v in reversed(row))]) for i, row in enumerate(rows.tolist())]
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        packed = convert(self.named(estimator, names), parity_data="rows.csv")
        assert manifest.read(packed.root).raw["parity"]["conversion"]["real_rows"] == 200

    def test_text_in_a_column(self, convert):
        rows = np.empty((40, 2), object)
        rows[:, 0], rows[:, 1] = TEXTS, np.random.default_rng(0).normal(size=40)
        columns = ColumnTransformer([("text", TfidfVectorizer(), 0), ("number", StandardScaler(), [1])])
        estimator = self.named(make_pipeline(columns, LogisticRegression()).fit(rows, MOODS), ["note", "amount"])
        assert {spec.name: spec.dtype for spec in convert(estimator).inputs} == {"note": "BYTES", "amount": "FP32"}

    def test_numbers_by_position_are_a_matrix(self, convert):
        columns = ColumnTransformer([("a", StandardScaler(), [0, 1])], remainder="drop")
        packed = convert(make_pipeline(columns, RandomForestClassifier(3)).fit(ROWS, TARGET))
        assert [tuple(spec) for spec in packed.inputs] == [("X", "FP32", (-1, 6))]

    def test_encoders_in_front(self, convert, run):
        words = np.array([["a", "x"], ["b", "y"], ["a", "y"], ["b", "x"]] * 10, dtype=object)
        target = [0, 1, 0, 1] * 10
        packed = convert(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(words, target))
        assert [tuple(spec) for spec in packed.inputs] == [("X", "BYTES", (-1, 2))]
        assert run(packed, X=words[:2])["label"].tolist() == [0, 1]
        numbers = np.array([[1, 10], [2, 20], [1, 20], [2, 10]] * 10)
        packed = convert(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(numbers, target))
        assert packed.inputs[0].dtype == "INT64"
        packed = convert(make_pipeline(OrdinalEncoder(), LogisticRegression()).fit(numbers, target))
        assert packed.inputs[0].dtype == "INT64"
        packed = convert(CategoricalNB().fit(numbers, target))
        assert packed.inputs[0].dtype == "FP32"

    def test_an_imputer_of_strings(self, convert):
        words = np.array([["a"], ["b"], ["a"], [None]] * 10, dtype=object)
        imputer = SimpleImputer(strategy="most_frequent", missing_values=None)
        plan = sklearn_inputs.plan_inputs(imputer.fit(words))
        assert plan.kinds == ("string",)
        assert set(sklearn_rows.random_rows(imputer, plan)[:, 0]) == {"a"}


class TestLabels:
    def test_string_classes_become_labels(self, convert):
        estimator = LogisticRegression(max_iter=2000).fit(ROWS, np.array(["a", "b", "c"])[TARGET])
        packed = convert(estimator, postprocess={"kind": "top_k", "k": 2})
        assert packed.labels == ("a", "b", "c")
        assert [spec.name for spec in packed.outputs] == ["indices", "scores"]

    def test_integers_that_are_no_positions_become_labels(self, convert):
        assert convert(LogisticRegression(max_iter=2000).fit(ROWS, TARGET * 3 + 2)).labels == ("2", "5", "8")
        assert convert(LogisticRegression(max_iter=2000).fit(ROWS, TARGET)).labels == ()

    def test_boolean_classes(self, convert):
        assert convert(LogisticRegression(max_iter=2000).fit(ROWS, TARGET > 0)).labels == ("False", "True")

    def test_the_specs_labels_win_if_they_are_as_many(self, convert):
        estimator = LogisticRegression(max_iter=2000).fit(ROWS, TARGET)
        assert convert(estimator, labels=["x", "y", "z"]).labels == ("x", "y", "z")
        with pytest.raises(ModelError, match=r"2 labels for a model of 3 classes \(0, 1, 2"):
            convert(estimator, labels=["x", "y"])


class TestRefusals:
    @pytest.mark.parametrize(
        ("estimator", "message"),
        [
            (KNeighborsClassifier(metric="canberra"), "KNeighborsClassifier cannot be converted to ONNX: metric="),
            (DummyClassifier(), "DummyClassifier cannot be converted to ONNX: there is no converter for it"),
            (make_pipeline(StandardScaler(), DummyClassifier()), "DummyClassifier cannot be converted"),
            (SelectFpr(), "SelectFpr converts to a graph that the runtime refuses"),
        ],
        ids=["metric", "dummy", "pipeline", "select"],
    )
    def test_what_fails_is_named_with_the_way_out(self, convert, estimator, message):
        with pytest.raises(ModelError, match=message) as caught:
            convert(estimator.fit(ROWS, TARGET))
        assert caught.value.hint == "set model.convert: false to run scikit-learn itself"

    def test_several_targets(self, convert):
        with pytest.raises(ModelError, match="several targets"):
            convert(RandomForestClassifier(2).fit(ROWS, np.c_[TARGET, TARGET > 0]))

    def test_an_unknown_number_of_features(self, convert):
        with pytest.raises(ModelError, match="FeatureHasher does not say how many features"):
            convert(FeatureHasher().fit([]))

    def test_a_constant_model_proves_nothing(self, convert, tmp_path):
        estimator = Lasso(alpha=1e6).fit(ROWS, TARGET)
        with pytest.raises(GateError, match="same answer to every random row") as caught:
            convert(estimator)
        assert "at least 32 real rows" in caught.value.hint
        np.save(tmp_path / "rows.npy", ROWS)
        assert any("the comparison proves little" in warning for warning in convert(estimator, parity_data="rows.npy").warnings)

    def test_scikit_learn_refuses_random_rows(self, convert, tmp_path):
        estimator = RadiusNeighborsClassifier(1e-9).fit(ROWS[:, :2] / 10, TARGET)
        with pytest.raises(GateError, match="scikit-learn itself fails on random rows"):
            convert(estimator)

    def test_the_graph_fails_where_scikit_learn_does_not(self, convert):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = RadiusNeighborsRegressor(0.01).fit(ROWS, TARGET)
            with pytest.raises(GateError, match="the converted model fails on random rows"):
                convert(estimator)

    def test_rows_that_only_the_user_has(self, convert, tmp_path):
        # ordinal encoding of float categories: random rows are unknown categories, real ones are not
        rows = np.array([[0.5, 1.5], [2.5, 3.5], [0.5, 3.5], [2.5, 1.5]] * 10)
        estimator = make_pipeline(OrdinalEncoder(categories=[[0.1, 0.5, 2.5], [1.5, 3.5]]), LogisticRegression()).fit(
            rows, [0, 1, 0, 1] * 10
        )
        np.save(tmp_path / "rows.npy", rows)
        with pytest.raises(GateError, match="scikit-learn itself fails on random rows"):
            convert(estimator)
        assert any("only model.parity_data was compared" in w for w in convert(estimator, parity_data="rows.npy").warnings)

    def test_answers_that_differ(self, convert, monkeypatch):
        estimator = LogisticRegression(max_iter=2000).fit(ROWS, TARGET)
        real = sklearn_convert.convert

        def other(estimator, plan):
            changed = copy.deepcopy(estimator)
            changed.coef_ = changed.coef_ * 1.01
            return real(changed, plan)

        monkeypatch.setattr(sklearn_convert, "convert", other)
        with pytest.raises(GateError, match=r"on 256 random rows|another class on|differs from scikit-learn by"):
            convert(estimator)

    def test_classes_that_differ(self, convert, monkeypatch):
        estimator = LogisticRegression(max_iter=2000).fit(ROWS, TARGET)
        real = sklearn_convert.convert

        def other(estimator, plan):
            changed = copy.deepcopy(estimator)
            changed.coef_ = -changed.coef_
            return real(changed, plan)

        monkeypatch.setattr(sklearn_convert, "convert", other)
        with pytest.raises(
            GateError, match=r"gives another class on \d+ of 256 random rows \(row \d+: .*, scikit-learn says"
        ) as caught:
            convert(estimator)
        assert "parity_tolerance" in caught.value.hint

    def test_numbers_that_differ_are_let_through_by_a_tolerance(self, convert, monkeypatch):
        estimator = LinearRegression().fit(ROWS, TARGET)
        real = sklearn_convert.convert

        def other(estimator, plan):
            changed = copy.deepcopy(estimator)
            changed.intercept_ = changed.intercept_ + 0.5
            return real(changed, plan)

        monkeypatch.setattr(sklearn_convert, "convert", other)
        with pytest.raises(GateError, match=r"differs from scikit-learn by 0\.5"):
            convert(estimator)
        packed = convert(estimator, parity_tolerance=0.6)
        assert packed.facts["parity"] == "max difference 0.5 on 256 random rows"


class TestRealRows:
    @pytest.fixture
    def estimator(self):
        return LogisticRegression(max_iter=2000).fit(ROWS, TARGET)

    def write(self, path, header, rows):
        path.write_text("\n".join([",".join(header), *(",".join(map(str, row)) for row in rows)]) + "\n")

    @pytest.mark.parametrize("extra", [0, 1])
    def test_by_position_with_or_without_the_target(self, convert, estimator, tmp_path, extra):
        rows = np.c_[ROWS, TARGET] if extra else ROWS
        self.write(tmp_path / "rows.csv", [f"c{i}" for i in range(6 + extra)], rows)
        assert "150 real and 256 random rows" in convert(estimator, parity_data="rows.csv").facts["parity"]

    def test_by_the_names_in_the_spec(self, convert, estimator, tmp_path):
        names = list("abcdef")
        self.write(tmp_path / "rows.csv", [*reversed(names), "y", "z"], np.c_[ROWS[:, ::-1], TARGET, TARGET])
        packed = convert(
            estimator, parity_data="rows.csv", preprocess={"kind": "tabular", "columns": [*names[:5], {"name": "f"}]}
        )
        assert "150 real" in packed.facts["parity"]

    def test_an_array(self, convert, estimator, tmp_path):
        np.save(tmp_path / "rows.npy", ROWS)
        assert "150 real" in convert(estimator, parity_data="rows.npy").facts["parity"]

    def test_few_rows_are_mentioned(self, convert, estimator, tmp_path):
        np.save(tmp_path / "rows.npy", ROWS[:5])
        assert any("has 5 rows; at least 32" in warning for warning in convert(estimator, parity_data="rows.npy").warnings)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("a,b\n1,2\n", "has 2 columns; the model takes 6"),
            ("a,b,c,d,e,f\n", "has a header and no rows"),
            ("a,b,c,d,e,f\n1,2,3\n", "rows.csv:2: 3 values under 6 columns"),
            ("a,b,c,d,e,f\n1,2,3,4,5,6\n1,2,x,4,5,6\n", "rows.csv:3 c: 'x' is not a number"),
            ("a,b\xff".encode("latin-1"), "not a CSV file"),
        ],
    )
    def test_rows_that_do_not_fit(self, convert, estimator, tmp_path, content, message):
        (tmp_path / "rows.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(ModelError, match=message):
            convert(estimator, parity_data="rows.csv")

    def test_arrays_that_do_not_fit(self, convert, estimator, tmp_path):
        np.save(tmp_path / "rows.npy", ROWS[:, :3])
        with pytest.raises(ModelError, match=r"has shape \[150, 3\]; the model takes 6 columns"):
            convert(estimator, parity_data="rows.npy")
        (tmp_path / "rows.npy").write_bytes(b"nothing")
        with pytest.raises(ModelError, match="is not a numpy array"):
            convert(estimator, parity_data="rows.npy")

    def test_missing_names(self, tmp_path):
        plan = sklearn_inputs.InputPlan("columns", ("a", "b"), ("float", "float"), True)
        (tmp_path / "rows.csv").write_text("a,c\n1,2\n")
        with pytest.raises(ModelError, match="lacks the columns b"):
            sklearn_rows.read_rows(tmp_path / "rows.csv", plan, ())

    def test_one_column_of_text_as_an_array(self, tmp_path):
        plan = sklearn_inputs.InputPlan("text", ("text",), ("string",), False)
        np.save(tmp_path / "rows.npy", np.array(["a", "b"]))
        assert sklearn_rows.read_rows(tmp_path / "rows.npy", plan, ()).shape == (2, 1)


class TestRandomRows:
    def test_they_lie_where_the_estimator_lives(self):
        scaler = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS * 1000 + 5000, TARGET)
        rows = sklearn_rows.random_rows(scaler, sklearn_inputs.plan_inputs(scaler))
        np.testing.assert_allclose(rows.mean(axis=0), (ROWS * 1000 + 5000).mean(axis=0), rtol=0.2)
        forest = RandomForestClassifier(5, random_state=0).fit(ROWS, TARGET)
        rows = sklearn_rows.random_rows(forest, sklearn_inputs.plan_inputs(forest))
        assert len(np.unique(forest.apply(rows), axis=0)) > 20
        process = GaussianProcessRegressor().fit(ROWS, TARGET)
        assert abs(sklearn_rows.random_rows(process, sklearn_inputs.plan_inputs(process)).mean() - ROWS.mean()) < 5
        imputer = SimpleImputer().fit(ROWS + 100)
        assert sklearn_rows.random_rows(imputer, sklearn_inputs.plan_inputs(imputer)).mean() > 50

    def test_the_same_every_time(self):
        estimator = LogisticRegression(max_iter=2000).fit(ROWS, TARGET)
        plan = sklearn_inputs.plan_inputs(estimator)
        np.testing.assert_array_equal(sklearn_rows.random_rows(estimator, plan), sklearn_rows.random_rows(estimator, plan))


class TestWithoutConversion:
    def test_a_classifier(self, dump, pack):
        dump(RandomForestClassifier(3).fit(ROWS, np.array(["a", "b", "c"])[TARGET]))
        packed = pack(path="model.skops", convert=False)
        found = manifest.read(packed.root)
        assert (found.format, found.entry) == ("sklearn", "model.skops")
        assert [tuple(spec) for spec in found.outputs] == [("label", "BYTES", (-1,)), ("probabilities", "FP32", (-1, 3))]
        assert found.raw["sklearn"] == {
            "methods": {"label": "predict", "probabilities": "predict_proba"},
            "trusted_types": ["sklearn.tree._tree.Tree"],
        }
        assert found.raw["trust_pickle"] is False
        assert set(found.raw["toolchain"]) == {"mldeploy", "scikit-learn"}

    def test_its_engine_serves_it(self, convert):
        from mldeploy.handlers.config import ServingConfig
        from mldeploy.handlers.engines import open_engine
        from mldeploy.handlers.tensor import Tensor

        estimator = HistGradientBoostingClassifier(max_iter=3).fit(ROWS, TARGET)
        packed = convert(estimator, convert=False)
        engine = open_engine(manifest.read(packed.root), ServingConfig())
        answer = engine.run({"X": Tensor("FP32", (5, 6), ROWS[:5].astype(np.float32).tobytes())})
        assert np.frombuffer(answer["label"].data, np.int64).tolist() == estimator.predict(ROWS[:5].astype(np.float32)).tolist()
        engine.close()

    def test_others(self, convert):
        def outputs(estimator):
            return [tuple(spec) for spec in convert(estimator, convert=False).outputs]

        assert outputs(LinearSVC().fit(ROWS, TARGET)) == [("label", "INT64", (-1,))]
        assert outputs(LinearRegression().fit(ROWS, TARGET)) == [("variable", "FP32", (-1,))]
        assert outputs(KMeans(2, n_init=1).fit(ROWS)) == [("label", "INT64", (-1,))]
        assert outputs(PCA(2).fit(ROWS)) == [("variable", "FP32", (-1, -1))]

    def test_inputs_of_columns_and_text(self, convert):
        text = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, MOODS)
        assert [tuple(spec) for spec in convert(text, convert=False).inputs] == [("text", "BYTES", (-1,))]
        mixed = np.empty((40, 2), object)
        mixed[:, 0], mixed[:, 1] = MOODS, np.arange(40.0)
        columns = ColumnTransformer([("a", OneHotEncoder(), [0]), ("b", StandardScaler(), [1])])
        packed = convert(
            make_pipeline(columns, LogisticRegression()).fit(mixed, [0, 1] * 20),
            convert=False,
            preprocess={"kind": "tabular", "columns": ["x1", "x0"]},
        )
        assert [tuple(spec) for spec in packed.inputs] == [("x0", "BYTES", (-1, 1)), ("x1", "FP32", (-1, 1))]
        assert [column.name for column in manifest.read(packed.root).preprocess.columns] == ["x1", "x0"]

    def test_postprocessing_needs_a_graph(self, convert):
        with pytest.raises(ModelError, match="top_k is compiled into an ONNX graph; with convert: false there is none"):
            convert(LogisticRegression(max_iter=2000).fit(ROWS, TARGET), convert=False, postprocess={"kind": "top_k", "k": 1})


def test_methods_that_have_no_counterpart_are_mentioned():
    estimator = LinearRegression().fit(ROWS, TARGET)

    class Session:
        def get_outputs(self):
            return [type("Node", (), {"name": name})() for name in ("variable", "extra")]

        def run(self, names, inputs):
            answer = estimator.predict(inputs["X"].astype(np.float64))[:, None].astype(np.float32)
            return [answer, answer]

    plan = sklearn_inputs.plan_inputs(estimator)
    rows = sklearn_rows.random_rows(estimator, plan)
    verdict = sklearn_parity.check(estimator, Session(), plan, rows, None, None)
    assert verdict.warnings == ("output 'extra' has no counterpart in scikit-learn and was not compared",)
