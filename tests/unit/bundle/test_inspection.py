"""What `init` learns from a model file."""

from __future__ import annotations

import json

import joblib
import numpy as np
import pytest
import skops.io
from onnx import TensorProto, helper
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mldeploy import bundle
from mldeploy.errors import ModelError
from mldeploy.handlers.tensor import TensorSpec

ROWS, TARGET = np.random.default_rng(0).normal(size=(60, 4)), np.arange(60) % 3


def test_an_image_classifier(network, tmp_path):
    network(classes=12)
    facts = bundle.inspect(tmp_path / "model.onnx")
    assert facts.format == "onnx"
    assert facts.description == "ONNX opset 17 · in image FP32 [-1, 3, 16, 16] · out logits FP32 [-1, 12]"
    assert facts.preprocess == {"kind": "image", "size": [16, 16]}
    assert facts.postprocess == {"kind": "top_k", "k": 5, "softmax": True}
    assert facts.sample is None


def test_its_suggestion_packs(network, pack, tmp_path):
    for layout, channels in (("NCHW", 3), ("NHWC", 3), ("NCHW", 1)):
        network(layout, channels=channels, classes=12)
        facts = bundle.inspect(str(tmp_path / "model.onnx"))
        packed = pack(path="model.onnx", preprocess=facts.preprocess, postprocess=facts.postprocess)
        assert packed.inputs[0] == TensorSpec("image", "UINT8", (-1, 16, 16, channels))


def test_tensors(linear, save, tmp_path):
    linear()
    facts = bundle.inspect(tmp_path / "model.onnx")
    assert (facts.preprocess, facts.postprocess) == (None, None)
    assert facts.sample == [[0.0] * 4]
    a = helper.make_tensor_value_info("a", TensorProto.INT64, ["N", "L"])
    b, c = (
        helper.make_tensor_value_info(name, kind, [1]) for name, kind in (("b", TensorProto.STRING), ("c", TensorProto.BOOL))
    )
    outputs = [helper.make_tensor_value_info(n, v.type.tensor_type.elem_type, None) for n, v in (("x", a), ("y", b), ("z", c))]
    nodes = [helper.make_node("Identity", [i], [o]) for i, o in (("a", "x"), ("b", "y"), ("c", "z"))]
    save(nodes, [a, b, c], outputs)
    assert bundle.inspect(tmp_path / "model.onnx").sample == {"a": [[0] * 8], "b": ["text"], "c": [False]}
    big = helper.make_tensor_value_info("a", TensorProto.FLOAT, [100, 100])
    save([helper.make_node("Relu", ["a"], ["x"])], [big], [helper.make_tensor_value_info("x", TensorProto.FLOAT, [100, 100])])
    assert bundle.inspect(tmp_path / "model.onnx").sample is None


def test_dynamic_images_and_what_is_none(save, tmp_path):
    def suggestion(shape, kind=TensorProto.FLOAT):
        save(
            [helper.make_node("Identity", ["x"], ["y"])],
            [helper.make_tensor_value_info("x", kind, shape)],
            [helper.make_tensor_value_info("y", kind, None)],
        )
        return bundle.inspect(tmp_path / "model.onnx").preprocess

    assert suggestion(["N", 3, "H", "W"]) == {"kind": "image", "size": [224, 224]}
    assert suggestion(["N", 32, 48, 1]) == {"kind": "image", "size": [32, 48], "color": "L", "layout": "NHWC"}
    assert suggestion(["N", 8, 8, 3]) is None
    assert suggestion(["N", 7, 32, 32]) is None
    assert suggestion(["N", 3, 32, 32], TensorProto.INT64) is None


def test_a_classifier(tmp_path):
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, np.array(["a", "b", "c"])[TARGET])
    skops.io.dump(estimator, tmp_path / "model.skops")
    facts = bundle.inspect(tmp_path / "model.skops")
    import sklearn

    assert (
        facts.description == f"scikit-learn {sklearn.__version__} StandardScaler + LogisticRegression · 4 features · 3 classes"
    )
    assert facts.classes == ("a", "b", "c")
    assert facts.postprocess == {"kind": "top_k", "k": 3}
    assert facts.sample == [[0.0] * 4]
    assert facts.needs == {}


def test_a_pickle_needs_trust(tmp_path):
    joblib.dump(LinearRegression().fit(ROWS[:, :1], TARGET), tmp_path / "model.joblib")
    with pytest.raises(ModelError, match="can run any code"):
        bundle.inspect(tmp_path / "model.joblib")
    facts = bundle.inspect(tmp_path / "model.joblib", trust_pickle=True)
    assert facts.needs == {"trust_pickle": True}
    assert facts.description.endswith("LinearRegression · 1 feature")
    assert facts.postprocess is None


def test_named_columns_and_a_row_of_data(tmp_path, pack):
    rows = np.empty((60, 2), object)
    rows[:, 0], rows[:, 1] = np.array(["red", "blue", "green"])[TARGET], ROWS[:, 0]
    columns = ColumnTransformer([("c", OneHotEncoder(), [0]), ("n", StandardScaler(), [1])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, TARGET)
    joblib.dump(estimator, tmp_path / "model.joblib")
    facts = bundle.inspect(tmp_path / "model.joblib", trust_pickle=True)
    assert facts.preprocess == {"kind": "tabular", "columns": ["x0", "x1"]}
    assert facts.sample == [{"x0": "text", "x1": 0.0}]
    (tmp_path / "data.csv").write_text("id,x1,x0\n7,2.5,red\n")
    facts = bundle.inspect(tmp_path / "model.joblib", trust_pickle=True, data=tmp_path / "data.csv")
    assert facts.sample == [{"x0": "red", "x1": 2.5}]
    assert pack(path="model.joblib", trust_pickle=True, preprocess=facts.preprocess).format == "onnx"
    json.dumps(facts.sample)


def test_a_named_matrix(tmp_path):
    estimator = LogisticRegression().fit(ROWS, TARGET)
    estimator.feature_names_in_ = np.array(["a", "b", "c", "d"], dtype=object)
    joblib.dump(estimator, tmp_path / "model.joblib")
    (tmp_path / "data.csv").write_text("a,b,c,d,y\n1,2,3,4,0\n")
    facts = bundle.inspect(tmp_path / "model.joblib", trust_pickle=True, data=str(tmp_path / "data.csv"))
    assert facts.feature_names == ("a", "b", "c", "d")
    assert facts.preprocess == {"kind": "tabular", "columns": ["a", "b", "c", "d"]}
    assert facts.sample == [{"a": 1, "b": 2, "c": 3, "d": 4}]


def test_a_matrix_and_a_row_of_data(tmp_path):
    joblib.dump(LogisticRegression().fit(ROWS, TARGET), tmp_path / "model.joblib")
    (tmp_path / "data.csv").write_text("p,q,r,s,y\n1,2.5,3,4,0\n")
    facts = bundle.inspect(tmp_path / "model.joblib", trust_pickle=True, data=tmp_path / "data.csv")
    assert facts.sample == [[1, 2.5, 3, 4]]


def test_text(tmp_path):
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good dog", "bad cat"] * 5, [1, 0] * 5)
    joblib.dump(estimator, tmp_path / "model.joblib")
    assert bundle.inspect(tmp_path / "model.joblib", trust_pickle=True).sample == ["text"]


@pytest.mark.parametrize(("content", "message"), [(b"a,b\n", "no row"), (b"a\xff\n", "not a CSV"), (b"", "is empty")])
def test_data_that_cannot_be_read(tmp_path, linear, content, message):
    linear()
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        bundle.inspect(tmp_path / "model.onnx", data=tmp_path / "data.csv")


def test_what_is_no_model(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ModelError, match="JPEG"):
        bundle.inspect(tmp_path / "model.onnx")
