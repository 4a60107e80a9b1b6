"""Models, made in place, with rows to run them on. CASES: name -> a function that gives (model, [inputs, …])."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx import helper as h

from mldeploy.handlers.tensor import Tensor, TensorSpec

EXAMPLES = Path(__file__).parents[3] / "examples"

ONNX_TYPES = {
    "BOOL": TensorProto.BOOL, "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16, "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64, "INT8": TensorProto.INT8, "INT16": TensorProto.INT16, "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64, "FP16": TensorProto.FLOAT16, "BF16": TensorProto.BFLOAT16, "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE, "BYTES": TensorProto.STRING,
}  # fmt: skip
DTYPES = {number: name for name, number in ONNX_TYPES.items()}
NUMPY = {
    "BOOL": "?", "UINT8": "u1", "UINT16": "u2", "UINT32": "u4", "UINT64": "u8", "INT8": "i1", "INT16": "i2", "INT32": "i4",
    "INT64": "i8", "FP16": "f2", "FP32": "f4", "FP64": "f8",
}  # fmt: skip

Rows = list[dict[str, Tensor]]
Case = tuple[onnx.ModelProto, Rows]
CASES: dict[str, Callable[[], Case]] = {}


def case(build: Callable[[], Case]) -> Callable[[], Case]:
    CASES[build.__name__] = build
    return build


def info(name: str, dtype: str, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    axes = [None if axis == -1 else axis for axis in shape]
    return h.make_tensor_value_info(name, ONNX_TYPES[dtype], axes)


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], weights: dict[str, Any] | None = None) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()]
    graph = h.make_graph(nodes, "g", inputs, outputs, initializers)
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 20), h.make_opsetid("ai.onnx.ml", 3)], ir_version=10)
    onnx.checker.check_model(made)
    return made


def signature(proto: onnx.ModelProto) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    """What a bundle would declare; empty for what is not a tensor that a bundle can declare."""
    weights = {tensor.name for tensor in proto.graph.initializer}

    def spec(value: onnx.ValueInfoProto) -> TensorSpec:
        axes = value.type.tensor_type.shape.dim
        dtype = DTYPES.get(value.type.tensor_type.elem_type, "FP32")
        return TensorSpec(value.name, dtype, tuple(d.dim_value if d.HasField("dim_value") else -1 for d in axes))

    return tuple(spec(v) for v in proto.graph.input if v.name not in weights), tuple(spec(v) for v in proto.graph.output)


def tensor(array: Any, dtype: str | None = None) -> Tensor:
    array = np.asarray(array)
    name = dtype or next(name for name, code in NUMPY.items() if np.dtype(code) == array.dtype)
    return Tensor(name, array.shape, array.astype(NUMPY[name]).tobytes())


def random(dtype: str, shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """Any bit pattern that the dtype has, NaN payloads and denormals included."""
    size = int(np.prod(shape, dtype=np.int64)) * (2 if dtype == "BF16" else np.dtype(NUMPY[dtype]).itemsize)
    data = np.random.default_rng(seed).integers(0, 2 if dtype == "BOOL" else 256, size, dtype=np.uint8).tobytes()
    return Tensor(dtype, shape, data)


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def linear(classes: int = 10) -> onnx.ModelProto:
    """A model like the digits example: x FP32 [N, 64] -> p FP32 [N, 10]."""
    nodes = [h.make_node("Gemm", ["x", "w", "b"], ["y"]), h.make_node("Softmax", ["y"], ["p"])]
    weights = {"w": normal(64, classes) / 8, "b": normal(classes, seed=1)}
    return model(nodes, [info("x", "FP32", ("N", 64))], [info("p", "FP32", ("N", classes))], weights)


def slow(size: int = 400, steps: int = 2000) -> onnx.ModelProto:
    """A loop of matrix products: seconds of work that can be stopped between two of them. x FP32 [size, size] -> y."""
    body = h.make_graph(
        [
            h.make_node("MatMul", ["h_in", "h_in"], ["p"]),
            h.make_node("Tanh", ["p"], ["h_out"]),
            h.make_node("Identity", ["go"], ["go_out"]),
        ],
        "body",
        [info("i", "INT64", ()), info("go", "BOOL", ()), info("h_in", "FP32", (size, size))],
        [info("go_out", "BOOL", ()), info("h_out", "FP32", (size, size))],
    )
    node = h.make_node("Loop", ["steps", "", "x"], ["y"], body=body)
    shape = (size, size)
    return model([node], [info("x", "FP32", shape)], [info("y", "FP32", shape)], {"steps": np.int64(steps)})


def _identities(dtype: str) -> Callable[[], Case]:
    """Ranks 0 to 6 of one dtype, fixed, dynamic and empty."""

    def build() -> Case:
        shapes = [(2, 3, 1, 2, 3, 2)[:rank] for rank in range(7)]
        names = [f"x{rank}" for rank in range(7)]
        nodes = [h.make_node("Identity", [name], [f"y_{name}"]) for name in names]
        inputs = [info(name, dtype, (-1,) * (rank // 2) + shapes[rank][rank // 2 :]) for rank, name in enumerate(names)]
        outputs = [info(f"y_{name}", dtype, (-1,) * rank) for rank, name in enumerate(names)]
        row = {name: random(dtype, shapes[rank], rank) for rank, name in enumerate(names)}
        empty = row | {"x2": random(dtype, (0, 3)), "x5": random(dtype, (0, 0, 1, 2, 3))}
        return model(nodes, inputs, outputs), [row, empty]

    return build


for _dtype in NUMPY:
    CASES[f"identity_{_dtype.lower()}"] = _identities(_dtype)


@case
def linear_softmax() -> Case:
    return linear(), [{"x": tensor(normal(rows, 64, seed=rows))} for rows in (1, 3, 0, 64)]


@case
def all_casts() -> Case:
    nodes = [h.make_node("Cast", ["x"], [f"y_{name}"], to=ONNX_TYPES[name]) for name in NUMPY]
    outputs = [info(f"y_{name}", name, ("N",)) for name in NUMPY]
    rows: Rows = [{"x": tensor(np.array([0, 1, -1, 3.7, 100, 0.1], np.float32))}]
    return model(nodes, [info("x", "FP32", ("N",))], outputs), rows


@case
def convolutions() -> Case:
    nodes = [
        h.make_node("Conv", ["x", "k1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2]),
        h.make_node("Clip", ["c1", "low", "high"], ["r1"]),
        h.make_node("Conv", ["r1", "k2"], ["c2"], pads=[1, 1, 1, 1], group=16),
        h.make_node("BatchNormalization", ["c2", "s", "s", "z", "s"], ["bn"]),
        h.make_node("MaxPool", ["bn"], ["mp"], kernel_shape=[2, 2], strides=[2, 2]),
        h.make_node("GlobalAveragePool", ["mp"], ["gap"]),
        h.make_node("Flatten", ["gap"], ["y"]),
    ]
    ones = np.ones(16, np.float32)
    weights = {
        "k1": normal(16, 3, 3, 3), "k2": normal(16, 1, 3, 3, seed=1), "s": ones, "z": ones * 0, "low": np.float32(0),
        "high": np.float32(6),
    }  # fmt: skip
    rows = [{"x": tensor(normal(batch, 3, size, size + 8, seed=size))} for batch, size in ((1, 32), (2, 48))]
    made = model(nodes, [info("x", "FP32", ("N", 3, "H", "W"))], [info("y", "FP32", ("N", 16))], weights)
    return made, rows


@case
def top_k() -> Case:
    nodes = [h.make_node("TopK", ["x", "k"], ["scores", "indices"])]
    outputs = [info("scores", "FP32", ("N", 3)), info("indices", "INT64", ("N", 3))]
    ties = np.array([[1, 2, 2, 1, 2.0], [0, 0, 0, 0, 0]], np.float32)
    return model(nodes, [info("x", "FP32", ("N", "M"))], outputs, {"k": np.array([3])}), [{"x": tensor(ties)}]


@case
def several_inputs_and_outputs() -> Case:
    nodes = [
        h.make_node("Concat", ["a", "b"], ["c"], axis=1),
        h.make_node("Split", ["c"], ["left", "right"], axis=1, num_outputs=2),
        h.make_node("MatMul", ["a", "w"], ["m"]),
        h.make_node("Where", ["mask", "left", "right"], ["chosen"]),
    ]
    inputs = [info("a", "FP64", ("N", 4)), info("b", "FP64", ("N", 4)), info("mask", "BOOL", ("N", 4))]
    outputs = [info("chosen", "FP64", ("N", 4)), info("m", "FP64", ("N", 2)), info("right", "FP64", ("N", 4))]
    row = {"a": tensor(normal(5, 4) * 1.0, "FP64"), "b": tensor(normal(5, 4, seed=1), "FP64"), "mask": random("BOOL", (5, 4))}
    return model(nodes, inputs, outputs, {"w": normal(4, 2).astype(np.float64)}), [row]


@case
def shape_from_the_data() -> Case:
    nodes = [h.make_node("NonZero", ["x"], ["where"]), h.make_node("Unique", ["x"], ["values", "", "", "counts"])]
    outputs = [info("where", "INT64", (1, -1)), info("values", "FP32", (-1,)), info("counts", "INT64", (-1,))]
    rows = [{"x": tensor(np.array(values, np.float32))} for values in ([0, 0], [5, 0, 5, 7])]
    return model(nodes, [info("x", "FP32", ("N",))], outputs), rows


@case
def reductions_of_nothing() -> Case:
    nodes = [h.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)]
    made = model(nodes, [info("x", "FP32", ("N", "M"))], [info("y", "FP32", ("M",))], {"axes": np.array([0])})
    return made, [{"x": tensor(np.zeros((0, 7), np.float32))}, {"x": tensor(normal(3, 0))}, {"x": tensor(normal(3, 5))}]


@case
def recurrent() -> Case:
    nodes = [h.make_node("LSTM", ["x", "w", "r"], ["y", "last"], hidden_size=8)]
    outputs = [info("y", "FP32", ("S", 1, "N", 8)), info("last", "FP32", (1, "N", 8))]
    made = model(nodes, [info("x", "FP32", ("S", "N", 4))], outputs, {"w": normal(1, 32, 4), "r": normal(1, 32, 8, seed=1)})
    return made, [{"x": tensor(normal(steps, 2, 4, seed=steps))} for steps in (1, 9)]


@case
def branches() -> Case:
    branch = {
        name: h.make_graph([h.make_node(op, ["x"], [f"{name}_y"])], name, [], [info(f"{name}_y", "FP32", ("N",))])
        for name, op in (("then", "Exp"), ("else", "Neg"))
    }
    nodes = [
        h.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        h.make_node("Greater", ["sum", "zero"], ["is_positive"]),
        h.make_node("If", ["is_positive"], ["y"], then_branch=branch["then"], else_branch=branch["else"]),
    ]
    made = model(nodes, [info("x", "FP32", ("N",))], [info("y", "FP32", ("N",))], {"zero": np.float32(0)})
    return made, [{"x": tensor(np.array(values, np.float32))} for values in ([1, 2], [-1, -2, 0.5])]


@case
def integers() -> Case:
    nodes = [
        h.make_node("MatMulInteger", ["a", "b"], ["product"]),
        h.make_node("Gather", ["table", "rows"], ["picked"]),
        h.make_node("CumSum", ["picked", "axis"], ["y"]),
    ]
    inputs = [info("a", "UINT8", ("N", 4)), info("b", "INT8", (4, 2)), info("rows", "INT64", (-1,))]
    outputs = [info("product", "INT32", ("N", 2)), info("y", "INT64", (-1, 3))]
    weights = {"table": np.arange(12).reshape(4, 3), "axis": np.int64(0)}
    row = {"a": random("UINT8", (3, 4)), "b": random("INT8", (4, 2)), "rows": tensor(np.array([3, 0, -1, 2]))}
    return model(nodes, inputs, outputs, weights), [row]


@case
def half_precision() -> Case:
    nodes = [h.make_node("MatMul", ["x", "w"], ["m"]), h.make_node("Softmax", ["m"], ["y"])]
    weights = {"w": normal(8, 5).astype(np.float16)}
    made = model(nodes, [info("x", "FP16", ("N", 8))], [info("y", "FP16", ("N", 5))], weights)
    return made, [{"x": tensor(normal(4, 8).astype(np.float16))}]


@case
def special_numbers() -> Case:
    nodes = [h.make_node(op, ["x"], [op.lower()]) for op in ("Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Erf")]
    made = model(nodes, [info("x", "FP32", (-1,))], [info(node.output[0], "FP32", (-1,)) for node in nodes])
    values = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-45, 3.4e38, -1.5], np.float32)
    return made, [{"x": tensor(values)}]


def _converted(name: str) -> Callable[[], Case]:
    """A scikit-learn model, fitted here and converted."""

    def build() -> Case:
        from skl2onnx import to_onnx
        from sklearn import (
            cluster,
            datasets,
            ensemble,
            linear_model,
            naive_bayes,
            neighbors,
            neural_network,
            pipeline,
            preprocessing,
            svm,
            tree,
        )

        features, labels = datasets.load_iris(return_X_y=True)
        estimator = {
            "logistic": lambda: pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression()),
            "forest": lambda: ensemble.RandomForestClassifier(20, random_state=0),
            "boosting": lambda: ensemble.GradientBoostingClassifier(n_estimators=10, random_state=0),
            "tree_regressor": lambda: tree.DecisionTreeRegressor(random_state=0),
            "svc": lambda: svm.SVC(random_state=0),
            "neighbours": lambda: neighbors.KNeighborsClassifier(3),
            "bayes": lambda: naive_bayes.GaussianNB(),
            "network": lambda: neural_network.MLPClassifier((8,), random_state=0, solver="lbfgs", max_iter=50),
            "ridge": lambda: linear_model.Ridge(),
            "kmeans": lambda: cluster.KMeans(3, n_init=1, random_state=0),
        }[name]()
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator.fit(features, labels)
            is_classifier = hasattr(estimator, "classes_")
            options = {id(estimator): {"zipmap": False}} if is_classifier else None
            made = to_onnx(estimator, features[:1].astype(np.float32), options=options, target_opset={"": 20, "ai.onnx.ml": 3})
        made.ir_version = 10
        inputs, _ = signature(made)
        return made, [{inputs[0].name: tensor(features[::7].astype(np.float32))}]

    return build


_ESTIMATORS = "logistic forest boosting tree_regressor svc neighbours bayes network ridge kmeans"
for _name in _ESTIMATORS.split():
    CASES[f"sklearn_{_name}"] = _converted(_name)


@case
def imagenet_example() -> Case:
    made = onnx.load(EXAMPLES / "imagenet" / "efficientnet-lite0.onnx")
    inputs, _ = signature(made)
    shape = tuple(axis if axis > 0 else 1 for axis in inputs[0].shape)
    return made, [{inputs[0].name: tensor(normal(*shape))}]
