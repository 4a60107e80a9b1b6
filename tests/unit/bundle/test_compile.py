"""Pre- and postprocessing in the graph give what the formulas give, and a mismatch between spec and model is explained."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mldeploy.bundle import reference
from mldeploy.bundle.graph_edit import Editor
from mldeploy.errors import ModelError
from mldeploy.handlers import manifest
from mldeploy.spec.model import ImagePreprocess as ImageSection

IMAGE = {"kind": "image", "size": [16, 16]}
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pixels(n=2, side=16, channels=3):
    return np.random.default_rng(1).integers(0, 256, (n, side, side, channels)).astype(np.uint8)


def softmax(values):
    e = np.exp(values - values.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class TestImage:
    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    @pytest.mark.parametrize("dtype", ["FP32", "FP16"])
    @pytest.mark.parametrize(
        "section", [{}, {"mean": MEAN, "std": STD}, {"scale": 1.0, "mean": 127.5, "std": 127.5}, {"color": "BGR", "mean": MEAN}]
    )
    def test_the_graph_equals_the_formula(self, pack, network, run, layout, dtype, section):
        model = network(layout, dtype=dtype)
        packed = pack(path="model.onnx", preprocess=IMAGE | section | {"layout": layout})
        assert [tuple(spec) for spec in packed.inputs] == [("image", "UINT8", (-1, 16, 16, 3))]
        image = pixels()
        values = image[..., ::-1] if section.get("color") == "BGR" else image
        values = (values / section.get("scale", 255.0) - np.array(section.get("mean", 0.0))) / np.array(section.get("std", 1.0))
        values = values.astype(np.float16 if dtype == "FP16" else np.float32)
        expected = run(model, image=values.transpose(0, 3, 1, 2) if layout == "NCHW" else values)["logits"]
        got = run(packed, image=image)["logits"]
        np.testing.assert_allclose(got, expected, atol=2e-2 if dtype == "FP16" else 1e-5)

    def test_what_is_left_for_the_runtime(self, pack, network):
        network()
        section = IMAGE | {"resize": "fit", "filter": "lanczos", "pad": 128, "decode": "fast", "resize_to": 20, "color": "BGR"}
        found = manifest.read(pack(path="model.onnx", preprocess=section).root)
        assert found.preprocess == manifest.ImagePreprocess("image", 16, 16, "fit", 20, "lanczos", "RGB", 128, "fast")
        assert found.raw["facts"]["compiled"] == "preprocessing"
        assert found.raw["parity"]["graph"]["max_difference"] <= found.raw["parity"]["graph"]["allowed"]

    def test_the_resize_defaults_to_the_larger_side(self, pack, network):
        network()
        assert manifest.read(pack(path="model.onnx", preprocess=IMAGE).root).preprocess.resize_to == 16

    def test_a_fixed_batch_stays(self, pack, network):
        network(batch=4)
        packed = pack(path="model.onnx", preprocess=IMAGE)
        assert packed.inputs[0].shape == (4, 16, 16, 3)

    def test_grey(self, pack, network, run):
        model = network(channels=1)
        packed = pack(path="model.onnx", preprocess=IMAGE | {"color": "L"})
        assert packed.inputs[0].shape == (-1, 16, 16, 1)
        assert manifest.read(packed.root).preprocess.color == "L"
        image = pixels(channels=1)
        expected = run(model, image=(image / 255).astype(np.float32).transpose(0, 3, 1, 2))["logits"]
        np.testing.assert_allclose(run(packed, image=image)["logits"], expected, atol=1e-5)

    @pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
    def test_bytes_stay_bytes(self, pack, network, run, layout):
        model = network(layout, dtype="UINT8")
        packed = pack(path="model.onnx", preprocess=IMAGE | {"layout": layout})
        image = pixels()
        expected = run(model, image=image.transpose(0, 3, 1, 2) if layout == "NCHW" else image)["logits"]
        np.testing.assert_allclose(run(packed, image=image)["logits"], expected, atol=1e-3)
        with pytest.raises(ModelError, match="UINT8 pixels as they are"):
            pack(path="model.onnx", preprocess=IMAGE | {"layout": layout, "mean": 0.5})

    @pytest.mark.parametrize(
        ("section", "message", "hint"),
        [
            ({"size": [32, 16]}, r"give \[N, 3, 32, 16\], but input 'image' takes FP32 \[-1, 3, 16, 16\]", "size: [16, 16]"),
            ({"layout": "NHWC"}, r"give \[N, 16, 16, 3\], but", "layout: NCHW"),
            ({"color": "L"}, r"give \[N, 1, 16, 16\], but", "color: RGB"),
            ({"input": "picture"}, "no input 'picture'", "image"),
            ({"mean": [0.5, 0.5]}, "mean has 2 values, but RGB has 3 channels", "one value or 3"),
            ({"std": [0.5, 0.0, 0.5]}, "std holds a 0", "standard deviation"),
            ({"resize_to": 8}, "resize_to: 8 px is less than the 16 x 16 px", "at least 16"),
        ],
    )
    def test_a_mismatch_names_both_sides(self, pack, network, section, message, hint):
        network()
        with pytest.raises(ModelError, match=message) as caught:
            pack(path="model.onnx", preprocess=IMAGE | section)
        assert hint in caught.value.hint

    def test_hints_for_other_layouts(self, pack, network, linear, save):
        network("NHWC", channels=1)
        with pytest.raises(ModelError) as caught:
            pack(path="model.onnx", preprocess=IMAGE)
        assert caught.value.hint == "use layout: NHWC, size: [16, 16] and color: L"
        linear()
        with pytest.raises(ModelError) as caught:
            pack(path="model.onnx", preprocess=IMAGE)
        assert "four axes" in caught.value.hint
        five = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5, 16, 5])
        save([helper.make_node("Relu", ["x"], ["y"])], [five], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
        with pytest.raises(ModelError) as caught:
            pack(path="model.onnx", preprocess=IMAGE)
        assert caught.value.hint == "make them agree"

    def test_several_inputs_and_other_types(self, pack, save):
        a, b = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 16, 16]) for name in "ab")
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        save([helper.make_node("Add", ["a", "b"], ["y"])], [a, b], [y])
        with pytest.raises(ModelError, match=r"has 2 inputs \(a, b\)"):
            pack(path="model.onnx", preprocess=IMAGE)
        packed = pack(path="model.onnx", preprocess=IMAGE | {"input": "b"})
        assert [spec.dtype for spec in packed.inputs] == ["FP32", "UINT8"]
        wide = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N", 3, 16, 16])
        out = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
        save([helper.make_node("Relu", ["x"], ["y"])], [wide], [out])
        with pytest.raises(ModelError, match="takes FP64"):
            pack(path="model.onnx", preprocess=IMAGE)

    def test_an_opset_that_is_too_old(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 16, 16])
        save([helper.make_node("Relu", ["x"], ["y"])], [x], [y], opset=6, ir=3)
        with pytest.raises(ModelError, match="has opset 6; compiling the preprocessing needs 7"):
            pack(path="model.onnx", preprocess=IMAGE)

    def test_a_graph_that_differs_is_refused(self, pack, network, monkeypatch):
        network()
        monkeypatch.setattr(
            reference, "image_tensor", lambda values, section, dtype: np.ones((len(values), 3, 16, 16), np.float32)
        )
        with pytest.raises(ModelError, match=r"the packed graph differs from the model by .* at logits"):
            pack(path="model.onnx", preprocess=IMAGE)

    def test_the_reference_itself(self):
        section = ImageSection(kind="image", size=(1, 2), mean=[0.1, 0.2, 0.3], std=0.5, color="BGR", layout="NHWC")
        image = np.array([[[[255, 0, 51], [0, 0, 0]]]], np.uint8)
        expected = (np.array([[[[0.2, 0.0, 1.0], [0, 0, 0]]]]) - [0.1, 0.2, 0.3]) / 0.5
        np.testing.assert_allclose(reference.image_tensor(image, section, np.float32), expected, rtol=1e-6)


class TestSoftmax:
    @pytest.mark.parametrize("opset", [9, 11, 12, 13, 17])
    def test_it_replaces_the_output(self, pack, linear, run, opset):
        model = linear(opset=opset)
        packed = pack(path="model.onnx", postprocess={"kind": "softmax"})
        assert [tuple(spec) for spec in packed.outputs] == [("scores", "FP32", (-1, 6))]
        x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)
        np.testing.assert_allclose(run(packed, x=x)["scores"], softmax(run(model, x=x)["scores"]), atol=1e-6)

    def test_the_output_must_be_clear(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
        outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "ab"]
        kind = helper.make_tensor_value_info("k", TensorProto.INT64, ["N", 4])
        nodes = [
            helper.make_node("Relu", ["x"], ["a"]),
            helper.make_node("Abs", ["x"], ["b"]),
            helper.make_node("Cast", ["x"], ["k"], to=TensorProto.INT64),
        ]
        model = save(nodes, [x], [*outs, kind])
        with pytest.raises(ModelError, match="softmax needs one float output; the model has 2") as caught:
            pack(path="model.onnx", postprocess={"kind": "softmax"})
        assert caught.value.hint == "say which: model.postprocess.output"
        with pytest.raises(ModelError, match="no output 'c'"):
            pack(path="model.onnx", postprocess={"kind": "softmax", "output": "c"})
        with pytest.raises(ModelError, match=r"'k' is INT64 \[-1, 4\]; softmax needs a float"):
            pack(path="model.onnx", postprocess={"kind": "softmax", "output": "k"})
        packed = pack(path="model.onnx", postprocess={"kind": "softmax", "output": "b"})
        assert [spec.name for spec in packed.outputs] == ["a", "b", "k"]
        assert model.graph.output[1].name == "b"

    def test_a_model_without_a_float_output(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.INT64, ["N", 4])
        y = helper.make_tensor_value_info("y", TensorProto.INT64, ["N", 4])
        save([helper.make_node("Abs", ["x"], ["y"])], [x], [y])
        with pytest.raises(ModelError, match="has 0") as caught:
            pack(path="model.onnx", postprocess={"kind": "softmax"})
        assert caught.value.hint == "use model.postprocess.kind: none"

    def test_a_scalar(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])
        save(
            [helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)],
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [])],
        )
        with pytest.raises(ModelError, match="needs an axis of classes"):
            pack(path="model.onnx", postprocess={"kind": "softmax"})


class TestTopK:
    @pytest.mark.parametrize("opset", [9, 10, 11, 13, 17])
    @pytest.mark.parametrize("with_softmax", [False, True])
    def test_it_replaces_all_outputs(self, pack, linear, run, opset, with_softmax):
        model = linear(opset=opset)
        packed = pack(path="model.onnx", postprocess={"kind": "top_k", "k": 3, "softmax": with_softmax})
        assert [tuple(spec) for spec in packed.outputs] == [("indices", "INT64", (-1, 3)), ("scores", "FP32", (-1, 3))]
        assert manifest.read(packed.root).top_k == manifest.TopK(3, "indices", "scores")
        x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
        scores = run(model, x=x)["scores"]
        scores = softmax(scores) if with_softmax else scores
        got = run(packed, x=x)
        np.testing.assert_array_equal(got["indices"], np.argsort(-scores, axis=1)[:, :3])
        np.testing.assert_allclose(got["scores"], -np.sort(-scores, axis=1)[:, :3], atol=1e-6)

    @pytest.mark.parametrize("dtype", ["FP16", "FP64"])
    def test_scores_are_always_fp32(self, pack, linear, dtype):
        linear(dtype=dtype)
        assert pack(path="model.onnx", postprocess={"kind": "top_k", "k": 2}).outputs[1].dtype == "FP32"

    def test_a_map_of_one_by_one_is_flattened(self, pack, save, run):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4, 1, 1])
        save(
            [helper.make_node("Neg", ["x"], ["y"])],
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4, 1, 1])],
        )
        packed = pack(path="model.onnx", postprocess={"kind": "top_k", "k": 4})
        got = run(packed, x=np.array([3, 1, 2, 0], np.float32).reshape(1, 4, 1, 1))
        assert got["indices"].tolist() == [[3, 1, 2, 0]]

    def test_names_that_are_taken_give_way(self, pack, save, run):
        x = helper.make_tensor_value_info("indices", TensorProto.FLOAT, ["N", 4])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])
        nodes = [helper.make_node("Neg", ["indices"], ["scores"]), helper.make_node("Exp", ["scores"], ["y"])]
        save(nodes, [x], [y])
        packed = pack(path="model.onnx", postprocess={"kind": "top_k", "k": 1})
        assert [spec.name for spec in packed.inputs] == ["indices"]
        names = manifest.read(packed.root).top_k
        assert (names.indices, names.scores) == ("mldeploy/indices", "scores")
        got = run(packed, indices=np.array([[3, 1, 2, 4]], np.float32))
        assert got[names.indices].tolist() == [[1]]

    def test_what_no_output_needs_any_more_is_gone(self, pack, save):
        import onnx

        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
        outs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in ("a", "b")]
        save(
            [helper.make_node("Neg", ["x"], ["a"]), helper.make_node("MatMul", ["x", "w"], ["b"])],
            [x],
            outs,
            {"w": np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)},
        )
        packed = pack(path="model.onnx", postprocess={"kind": "top_k", "k": 1, "output": "a"})
        stored = onnx.load(packed.root / "model.onnx")
        assert [node.op_type for node in stored.graph.node] == ["Neg", "TopK"]
        assert "w" not in {tensor.name for tensor in stored.graph.initializer}

    def test_an_input_handed_through(self, pack, save, run):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
        save([helper.make_node("Neg", ["x"], ["y"])], [x], [x, helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])])
        packed = pack(path="model.onnx", postprocess={"kind": "top_k", "k": 1, "output": "x"})
        assert run(packed, x=np.array([[1, 9, 3, 4]], np.float32))["indices"].tolist() == [[1]]

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            ({"postprocess": {"kind": "top_k", "k": 7}}, "k: 7 is more than the model's 6 classes"),
            ({"postprocess": {"kind": "top_k", "k": 2}, "labels": ["a", "b"]}, "2 labels for a model of 6 classes"),
            ({"labels": ["a", "b"]}, "2 labels for output 'scores', which has 6 classes"),
        ],
    )
    def test_counts_that_do_not_fit(self, pack, linear, model, message):
        linear()
        with pytest.raises(ModelError, match=message):
            pack(path="model.onnx", **model)

    def test_counts_that_only_a_run_shows(self, pack, save):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "C"]) for name in "xy")
        save(
            [helper.make_node("MatMul", ["x", "w"], ["y"])],
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
            [y],
            {"w": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32)},
        )
        assert x is not None
        with pytest.raises(ModelError, match="3 labels for a model of 4 classes"):
            pack(path="model.onnx", postprocess={"kind": "top_k", "k": 2}, labels=["a", "b", "c"])
        assert pack(path="model.onnx", postprocess={"kind": "top_k", "k": 2}, labels=list("abcd")).labels == tuple("abcd")

    def test_an_output_that_has_no_classes(self, pack, save):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4, 4]) for name in "xy")
        save([helper.make_node("Relu", ["x"], ["y"])], [x], [y])
        with pytest.raises(ModelError, match="top_k needs one score a class"):
            pack(path="model.onnx", postprocess={"kind": "top_k", "k": 2})


class TestTabular:
    def matrix(self, run, packed, columns):
        """Feed named columns by the manifest, as the runtime does."""
        specs = {spec.name: spec for spec in packed.inputs}
        types = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64, "BOOL": bool, "BYTES": object}
        rows = len(next(iter(columns.values())))
        feeds = {name: np.zeros((rows, *spec.shape[1:]), types[spec.dtype]) for name, spec in specs.items()}
        for column in manifest.read(packed.root).preprocess.columns:
            target = feeds[column.input]
            target.reshape(rows, -1)[:, column.index] = columns[column.name]
        return run(packed, **feeds)

    def test_columns_fill_the_matrix_in_order(self, pack, linear, run):
        model = linear(features=3)
        packed = pack(path="model.onnx", preprocess={"kind": "tabular", "columns": ["a", "b", {"name": "c", "dtype": "float"}]})
        assert "compiled" not in packed.facts or packed.facts["compiled"] == ""
        values = {"a": [1.0, 4.0], "b": [2.0, 5.0], "c": [3.0, 6.0]}
        expected = run(model, x=np.array([[1, 2, 3], [4, 5, 6]], np.float32))["scores"]
        np.testing.assert_allclose(self.matrix(run, packed, values)["scores"], expected, rtol=1e-6)

    @pytest.mark.parametrize("dtype", ["FP32", "FP64"])
    def test_integers_and_booleans_are_cast_and_put_in_their_places(self, pack, linear, run, dtype):
        model = linear(features=5, dtype=dtype)
        columns = ["a", {"name": "b", "dtype": "int"}, {"name": "c", "dtype": "bool"}, {"name": "d", "dtype": "int"}, "e"]
        packed = pack(path="model.onnx", preprocess={"kind": "tabular", "columns": columns})
        assert {spec.name: spec.dtype for spec in packed.inputs} == {"x": dtype, "x_int64": "INT64", "x_bool": "BOOL"}
        assert packed.facts["compiled"] == "casts"
        values = {"a": [0.5, 1.5], "b": [2, 3], "c": [True, False], "d": [7, -8], "e": [0.25, 9.0]}
        rows = np.array([[0.5, 2, 1, 7, 0.25], [1.5, 3, 0, -8, 9]], np.float32 if dtype == "FP32" else np.float64)
        np.testing.assert_allclose(self.matrix(run, packed, values)["scores"], run(model, x=rows)["scores"], rtol=1e-5)

    @pytest.fixture
    def by_column(self, save):
        inputs = [
            helper.make_tensor_value_info("age", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("member", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("city", TensorProto.STRING, ["N", 1]),
        ]
        nodes = [helper.make_node("Add", ["age", "member"], ["y"]), helper.make_node("Identity", ["city"], ["z"])]
        outputs = [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1]),
            helper.make_tensor_value_info("z", TensorProto.STRING, ["N", 1]),
        ]
        return save(nodes, inputs, outputs)

    def test_an_input_a_column(self, pack, by_column, run):
        columns = [{"name": "city", "dtype": "string"}, {"name": "age", "dtype": "int"}, {"name": "member", "dtype": "bool"}]
        packed = pack(path="model.onnx", preprocess={"kind": "tabular", "columns": columns})
        assert {spec.name: spec.dtype for spec in packed.inputs} == {"age": "INT64", "member": "BOOL", "city": "BYTES"}
        got = self.matrix(run, packed, {"city": ["Bern", "Rome"], "age": [40, 50], "member": [True, False]})
        assert got["y"].tolist() == [[41.0], [50.0]]
        assert got["z"].tolist() == [["Bern"], ["Rome"]]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (["age", "city"], "no column for input 'member'"),
            (["age", "city", "member", "height"], "no input for column 'height'"),
            (["age", "age", "city"], "'age' stands there more than once"),
            (
                [{"name": "age", "dtype": "string"}, "member", "city"],
                r"'age' is declared string, but input 'age' takes FP32 \[-1, 1\]",
            ),
            (["age", "member", {"name": "city", "dtype": "int"}], "'city' is declared int, but input 'city' takes BYTES"),
        ],
    )
    def test_columns_that_do_not_fit(self, pack, by_column, columns, message):
        with pytest.raises(ModelError, match=message):
            pack(path="model.onnx", preprocess={"kind": "tabular", "columns": columns})

    def test_a_matrix_of_another_width(self, pack, linear):
        linear(features=4)
        with pytest.raises(ModelError, match="2 columns for input 'x', which takes 4"):
            pack(path="model.onnx", preprocess={"kind": "tabular", "columns": ["a", "b"]})

    def test_models_that_take_no_columns(self, pack, network, save):
        network()
        with pytest.raises(ModelError, match=r"columns need \[rows, columns\]"):
            pack(path="model.onnx", preprocess={"kind": "tabular", "columns": ["a"]})
        a, b = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in "ab")
        save(
            [helper.make_node("Add", ["a", "b"], ["y"])],
            [a, b],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        )
        with pytest.raises(ModelError, match="is more than one column"):
            pack(path="model.onnx", preprocess={"kind": "tabular", "columns": ["a", "b"]})

    def test_one_column_called_like_the_only_input(self, pack, save, run):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in "xy")
        save([helper.make_node("Neg", ["x"], ["y"])], [x], [y])
        packed = pack(path="model.onnx", preprocess={"kind": "tabular", "columns": [{"name": "x", "dtype": "int"}]})
        assert run(packed, x=np.array([1, 2], np.int64))["y"].tolist() == [-1.0, -2.0]


class TestGraphEdits:
    def test_bodies_that_read_an_outer_tensor_follow_the_rename(self, pack, save, run):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])
        flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])
        z = helper.make_tensor_value_info("z", TensorProto.FLOAT, None)
        then = helper.make_graph([helper.make_node("Neg", ["x"], ["z"])], "then", [], [z])
        other = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "else", [], [z])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16, 16])
        save([helper.make_node("If", ["flag"], ["y"], then_branch=then, else_branch=other)], [x, flag], [y])
        packed = pack(path="model.onnx", preprocess=IMAGE | {"input": "x"})
        image = pixels(1)
        got = run(packed, x=image, flag=np.array(True))["y"]
        np.testing.assert_allclose(got, -(image / 255).transpose(0, 3, 1, 2), atol=1e-6)

    def test_a_body_that_hands_an_outer_tensor_through(self, run):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
        flag = helper.make_tensor_value_info("flag", TensorProto.BOOL, [])
        t = helper.make_tensor_value_info("t", TensorProto.FLOAT, [2])
        body = helper.make_graph([], "body", [], [t])
        nodes = [
            helper.make_node("Neg", ["x"], ["t"]),
            helper.make_node("If", ["flag"], ["y"], then_branch=body, else_branch=body),
        ]
        graph = helper.make_graph(nodes, "g", [x, flag], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        Editor(model).claim("t")
        assert {node.output[0] for node in model.graph.node} == {"mldeploy/t", "y"}
        assert model.graph.node[1].attribute[0].g.output[0].name == "mldeploy/t"

    def test_an_input_that_is_also_an_output_keeps_its_name(self, pack, save, run):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3, 16, 16])
        save([helper.make_node("Neg", ["x"], ["y"])], [x], [y, x])
        with pytest.raises(ModelError):  # one name for a byte input and a float output: said, not served wrongly
            pack(path="model.onnx", preprocess=IMAGE)

    def test_a_constant_output(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])
        k = helper.make_tensor_value_info("k", TensorProto.FLOAT, [1, 2])
        model = save([helper.make_node("Neg", ["x"], ["y"])], [x], [y, k], {"k": np.array([[1, 2]], np.float32)})
        packed = pack(path="model.onnx", postprocess={"kind": "softmax", "output": "k"})
        assert [spec.name for spec in packed.outputs] == ["y", "k"]
        assert numpy_helper.to_array(model.graph.initializer[0]).tolist() == [[1, 2]]

    def test_a_model_of_ml_operators_only_gets_the_default_domain(self):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
        scaler = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])
        graph = helper.make_graph([scaler], "g", [x], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 3)], ir_version=8)
        assert Editor(model).opset == 13

    def test_fresh_names_never_repeat(self, linear):
        editor = Editor(linear())
        assert [editor.fresh("a") for _ in range(3)] == ["mldeploy/a", "mldeploy/a_1", "mldeploy/a_2"]


class TestPackedAgainstUnpacked:
    def test_a_model_that_takes_no_random_input_is_packed_with_a_warning(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.INT64, ["N"])
        save(
            [helper.make_node("Reshape", ["d", "x"], ["y"])],
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            {"d": np.zeros(7919, np.float32)},
        )
        packed = pack(path="model.onnx")
        assert packed.warnings == (
            "the model took none of the random inputs tried, so the packed graph was not compared with it",
        )

    def test_a_model_that_draws_random_numbers(self, pack, save):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
        save(
            [helper.make_node("RandomNormalLike", ["x"], ["r"]), helper.make_node("Add", ["x", "r"], ["y"])],
            [x],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
        )
        assert "draws random numbers" in pack(path="model.onnx").warnings[0]

    def test_an_untrained_model_is_mentioned(self, pack, linear):
        linear(scale=0.0)
        assert pack(path="model.onnx").warnings == ("the model gives the same answer to every random input: is it trained?",)

    def test_strings_and_dynamic_axes_that_must_agree(self, pack, save):
        a, b = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "L"]) for name in "ab")
        s = helper.make_tensor_value_info("s", TensorProto.STRING, ["N"])
        outs = [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", "L"]),
            helper.make_tensor_value_info("t", TensorProto.STRING, ["N"]),
        ]
        save([helper.make_node("Mul", ["a", "b"], ["y"]), helper.make_node("Identity", ["s"], ["t"])], [a, b, s], outs)
        assert manifest.read(pack(path="model.onnx").root).raw["parity"]["graph"]["max_difference"] == 0.0


class TestRealRows:
    @pytest.fixture
    def rows(self, tmp_path):
        np.save(tmp_path / "rows.npy", np.random.default_rng(0).standard_normal((40, 4)))
        lines = ["a,b,c,d,target", *(f"{i},{i * 2},{i % 3},{-i},x" for i in range(40))]
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")

    @pytest.mark.parametrize("file", ["rows.npy", "rows.csv"])
    def test_a_matrix(self, pack, linear, rows, file):
        linear()
        packed = pack(path="model.onnx", parity_data=file, postprocess={"kind": "top_k", "k": 2})
        assert manifest.read(packed.root).raw["parity"]["graph"]["max_difference"] < 1e-5

    @pytest.mark.parametrize("batch", [5, 100])
    def test_a_fixed_batch_takes_as_many_rows(self, pack, linear, rows, batch):
        linear(batch=batch)
        if batch > 40:
            with pytest.raises(ModelError, match="has 40 rows; the model takes 100 at a time"):
                pack(path="model.onnx", parity_data="rows.npy")
        else:
            assert manifest.read(pack(path="model.onnx", parity_data="rows.npy").root).raw["parity"]

    def test_a_matrix_whose_width_only_the_columns_tell(self, pack, save, rows):
        x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", "F"]) for name in "xy")
        save([helper.make_node("Neg", ["x"], ["y"])], [x], [y])
        columns = ["a", {"name": "b", "dtype": "int"}, "c"]
        packed = pack(path="model.onnx", parity_data="rows.csv", preprocess={"kind": "tabular", "columns": columns})
        assert {spec.name for spec in packed.inputs} == {"x", "x_int64"}

    def test_an_input_a_column(self, pack, save, tmp_path):
        inputs = [
            helper.make_tensor_value_info(n, t, ["N", 1]) for n, t in (("s", TensorProto.STRING), ("i", TensorProto.INT64))
        ]
        outputs = [
            helper.make_tensor_value_info(n, t, ["N", 1]) for n, t in (("t", TensorProto.STRING), ("j", TensorProto.INT64))
        ]
        save([helper.make_node("Identity", ["s"], ["t"]), helper.make_node("Identity", ["i"], ["j"])], inputs, outputs)
        (tmp_path / "rows.csv").write_text("i,s\n" + "".join(f"{i},word\n" for i in range(40)))
        assert pack(path="model.onnx", parity_data="rows.csv").warnings == ()

    def test_a_model_that_takes_no_rows(self, pack, network, rows):
        network()
        with pytest.raises(ModelError, match="does not take rows of columns"):
            pack(path="model.onnx", parity_data="rows.npy")
