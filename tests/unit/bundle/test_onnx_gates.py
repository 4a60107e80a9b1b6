"""What the runtime lacks is found before anything runs, and said in plain words."""

from __future__ import annotations

import copy

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mldeploy import bundle
from mldeploy.bundle import kernels, onnx_file, optimise
from mldeploy.errors import ModelError

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])
CONDITION = helper.make_tensor_value_info("c", TensorProto.BOOL, [])


def relu(name="r"):
    return helper.make_node("Relu", ["x"], ["y"], name=name)


def test_truncated_anywhere(pack, network, tmp_path):
    network()
    whole = (tmp_path / "model.onnx").read_bytes()
    for size in (1, 2, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "model.onnx").write_bytes(whole[:size])
        with pytest.raises(ModelError):
            pack(path="model.onnx")


def test_a_name_that_is_not_utf8(pack, linear, tmp_path):
    linear()
    content = (tmp_path / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(content.replace(b"scores", b"sc\xffres"))
    with pytest.raises(ModelError, match=r"model\.onnx is damaged: a name in it is not UTF-8"):
        pack(path="model.onnx")
    with pytest.raises(ModelError, match="not UTF-8"):
        bundle.inspect(tmp_path / "model.onnx")


def test_an_empty_graph(pack, save):
    save([], [], [])
    with pytest.raises(ModelError, match="holds no graph"):
        pack(path="model.onnx")


def test_no_outputs(pack, save):
    save([relu()], [X], [])
    with pytest.raises(ModelError):
        pack(path="model.onnx")


def test_the_runtimes_own_limits_are_read_from_it(save):
    import onnxruntime

    def loads(opset, ir):
        model = save([relu()], [X], [Y], opset=opset, ir=ir)
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception:
            return False
        return True

    newest, ir = kernels.newest_opset(""), kernels.newest_ir_version()
    assert loads(newest, ir)
    assert not loads(newest + 1, ir)
    assert not loads(newest, ir + 1)
    assert kernels.newest_opset("ai.onnx.ml") >= 3


def test_a_newer_opset(pack, save):
    save([relu()], [X], [Y], opset=kernels.newest_opset("") + 1)
    with pytest.raises(
        ModelError, match=rf"needs opset {kernels.newest_opset('') + 1} of ai.onnx; onnxruntime .* has up to"
    ) as caught:
        pack(path="model.onnx")
    assert "opset_version=20" in caught.value.hint


def test_a_newer_ir_version(pack, save):
    save([relu()], [X], [Y], ir=kernels.newest_ir_version() + 1)
    with pytest.raises(ModelError, match="IR version") as caught:
        pack(path="model.onnx")
    assert "ir_version = 10" in caught.value.hint


def test_what_onnx_writes_by_default_is_told_apart(pack, save, tmp_path):
    model = helper.make_model(helper.make_graph([relu()], "g", [X], [Y]))  # newer than the runtime, as of onnx 1.23
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    if model.ir_version > kernels.newest_ir_version():
        with pytest.raises(ModelError, match="IR version"):
            pack(path="model.onnx")
    else:
        assert pack(path="model.onnx").format == "onnx"


def test_a_missing_operator_is_named_with_its_nodes(pack, save):
    nodes = [helper.make_node("Warp", ["x"], [f"t{i}"], name=f"warp{i}", domain="my.company") for i in range(7)]
    save([*nodes, helper.make_node("Sum", [f"t{i}" for i in range(7)], ["y"])], [X], [Y], domains={"my.company": 2})
    with pytest.raises(ModelError) as caught:
        pack(path="model.onnx")
    assert "my.company::Warp (opset 2; node 'warp0', 'warp1', 'warp2', 'warp3', 'warp4' and 2 more)" in caught.value.message
    assert "domain 'my.company' is not built in" in caught.value.hint


def test_an_operator_of_a_later_opset(pack, save):
    save([helper.make_node("Gelu", ["x"], ["y"])], [X], [Y], opset=17)  # Gelu came with opset 20
    with pytest.raises(ModelError, match=r"Gelu \(opset 17; node 'y'\)") as caught:
        pack(path="model.onnx")
    assert "another opset" in caught.value.hint


def test_many_missing_operators_are_counted(save):
    nodes = [helper.make_node(f"Op{i}", ["x"], ["y" if i == 6 else f"t{i}"], domain="d") for i in range(7)]
    model = save(nodes, [X], [Y], domains={"d": 1})
    with pytest.raises(ModelError, match="and 2 more operators"):
        kernels.check(model, "model.onnx")


def test_subgraphs_are_walked(pack, save):
    def body(node):
        return helper.make_graph([node], "b", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])

    fine, odd = helper.make_node("Relu", ["x"], ["z"]), helper.make_node("Odd", ["x"], ["z"], name="deep", domain="d")
    save(
        [helper.make_node("If", ["c"], ["y"], then_branch=body(fine), else_branch=body(odd))],
        [X, CONDITION],
        [Y],
        domains={"d": 1},
    )
    with pytest.raises(ModelError, match=r"d::Odd \(opset 1; node 'deep'\)"):
        pack(path="model.onnx")


def test_local_functions_are_known_and_their_bodies_walked(pack, save):
    def function(op_type):
        return helper.make_function(
            "f", "Twice", ["a"], ["b"], [helper.make_node(op_type, ["a"], ["b"], name="inner")], [helper.make_opsetid("", 17)]
        )

    call = helper.make_node("Twice", ["x"], ["y"], domain="f")
    save([call], [X], [Y], domains={"f": 1}, functions=[function("Relu")])
    assert pack(path="model.onnx").format == "onnx"
    save([call], [X], [Y], domains={"f": 1}, functions=[function("Nonsense")])
    with pytest.raises(ModelError, match="Nonsense"):
        pack(path="model.onnx")


def test_an_operator_that_is_defined_by_others_passes(pack, save):
    assert kernels.missing_operators(save([helper.make_node("ReduceLogSumExp", ["x"], ["y"], keepdims=1)], [X], [Y])) == ()
    no_kernel = [
        key
        for key, versions in kernels._schema_versions().items()
        if not key[0] and key not in kernels._kernel_ranges() and kernels._is_function("", key[1], max(versions))
    ]
    assert no_kernel  # the runtime has such operators, and they are let through
    assert all(kernels._is_available("", name, 20) or min(kernels._schema_versions()["", name]) > 20 for _, name in no_kernel)
    assert not kernels._is_function("", "NoSuchOperator", 1)


def test_a_constant_and_ai_onnx_by_its_long_name(save):
    node = helper.make_node("Constant", [], ["k"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [2.0]))
    model = save([node, helper.make_node("Mul", ["x", "k"], ["y"], domain="ai.onnx")], [X], [Y])
    assert kernels.missing_operators(model) == ()


def test_a_type_without_a_kernel_is_translated(pack, save):
    x, y = (helper.make_tensor_value_info(name, TensorProto.BFLOAT16, [2]) for name in "xy")
    save([helper.make_node("Add", ["x", "x"], ["y"], name="twice")], [x], [y])
    with pytest.raises(ModelError, match=r"model.onnx: onnxruntime has no kernel for Add\(\d+\) \(node 'twice'\) with these"):
        pack(path="model.onnx")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No Op registered for Foo with domain_version of 3", "no operator Foo in opset 3"),
        ("Fatal error: x:Foo(-1) is not a registered function/op", "no operator x:Foo(-1)"),
        (
            "Unsupported model IR version: 99, max supported IR version: 13",
            "IR version 99 is newer than onnxruntime reads (13)",
        ),
        ("Failed to construct locale with name:en_US.UTF-8:why", "needs the locale en_US.UTF-8"),
        ("[ONNXRuntimeError] : 1 : FAIL : something else", "cannot load it: something else"),
        ("", "cannot load it: RuntimeError"),
    ],
)
def test_refusals_of_the_runtime_are_translated(tmp_path, text, expected):
    assert expected in kernels.translate(RuntimeError(text), tmp_path / "m.onnx").message


def test_an_invalid_graph(pack, save):
    save([helper.make_node("Relu", ["nowhere"], ["y"])], [X], [Y])
    with pytest.raises(ModelError, match=r"model\.onnx: onnxruntime cannot load it"):
        pack(path="model.onnx")


class TestExternalData:
    @pytest.fixture
    def external(self, linear, tmp_path):
        model = linear()
        onnx.save_model(
            copy.deepcopy(model),
            tmp_path / "model.onnx",
            save_as_external_data=True,
            all_tensors_to_one_file=True,
            location="model.onnx.data",
            size_threshold=0,
        )
        return model

    def test_it_is_inlined(self, pack, external, run, tmp_path):
        packed = pack(path="model.onnx")
        assert sorted(path.name for path in packed.root.iterdir()) == ["bundle.json", "model.onnx"]
        x = np.ones((2, 4), np.float32)
        np.testing.assert_allclose(run(packed, x=x)["scores"], run(external, x=x)["scores"], rtol=1e-6)

    def test_a_long_name(self, pack, linear, tmp_path):
        model, name = linear(), "w" * 150
        onnx.save_model(model, tmp_path / "model.onnx", save_as_external_data=True, location=name, size_threshold=0)
        first = pack(path="model.onnx")
        (tmp_path / name).write_bytes(bytes(96))
        assert pack(path="model.onnx").fingerprint != first.fingerprint

    def test_other_weights_are_another_bundle(self, pack, external, tmp_path):
        first = pack(path="model.onnx")
        data = bytearray((tmp_path / "model.onnx.data").read_bytes())
        data[3] ^= 1
        (tmp_path / "model.onnx.data").write_bytes(data)
        assert pack(path="model.onnx").fingerprint != first.fingerprint

    def test_a_missing_weight_file_is_named(self, pack, external, tmp_path):
        (tmp_path / "model.onnx.data").unlink()
        with pytest.raises(ModelError, match=r"weights are in 'model.onnx.data', which is not beside it"):
            pack(path="model.onnx")

    def test_a_cut_weight_file(self, pack, external, tmp_path):
        (tmp_path / "model.onnx.data").write_bytes(b"\0")
        with pytest.raises(ModelError, match="external weights cannot be read"):
            pack(path="model.onnx")

    @pytest.mark.parametrize("location", ["../model.onnx.data", "/etc/passwd"])
    def test_weights_outside_the_folder(self, pack, external, tmp_path, location):
        model = onnx.load(tmp_path / "model.onnx", load_external_data=False)
        model.graph.initializer[0].external_data[0].value = location
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        with pytest.raises(ModelError, match="outside the model's folder"):
            pack(path="model.onnx")


def test_over_two_gigabytes(tmp_path):
    with pytest.raises(ModelError, match=r"is 2\.2 GB; one ONNX file holds at most 2 GB"):
        onnx_file.check_size(2_200_000_000, tmp_path / "m.onnx")


def test_weights_that_are_listed_as_inputs_become_constant(pack, save, run):
    weights = {"w": np.full((4, 4), 2, np.float32)}
    w = helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 4])
    model = save([helper.make_node("MatMul", ["x", "w"], ["y"])], [X, w], [Y], weights, ir=3)
    packed = pack(path="model.onnx")
    assert [spec.name for spec in packed.inputs] == ["x"]
    x = np.eye(4, dtype=np.float32)
    np.testing.assert_array_equal(run(packed, x=x)["y"], run(model, x=x)["y"])


class TestSignature:
    def test_names_types_and_symbolic_axes(self, pack, save):
        from mldeploy.handlers import manifest

        a = helper.make_tensor_value_info("a", TensorProto.INT64, ["batch", "length"])
        b = helper.make_tensor_value_info("b", TensorProto.STRING, [3, None])
        c, d = (
            helper.make_tensor_value_info(name, kind, None)
            for name, kind in (("c", TensorProto.INT64), ("d", TensorProto.STRING))
        )
        save([helper.make_node("Identity", ["a"], ["c"]), helper.make_node("Identity", ["b"], ["d"])], [a, b], [c, d])
        packed = pack(path="model.onnx")
        assert [tuple(spec) for spec in packed.inputs] == [("a", "INT64", (-1, -1)), ("b", "BYTES", (3, -1))]
        raw = manifest.read(packed.root).raw
        assert raw["signature"]["inputs"] == [
            {"name": "a", "dtype": "INT64", "shape": ["batch", "length"]},
            {"name": "b", "dtype": "BYTES", "shape": [3, "?"]},
        ]

    def test_a_zipmap_is_refused_with_the_option_that_avoids_it(self, pack, save):
        zipmap = helper.make_node("ZipMap", ["x"], ["z"], domain="ai.onnx.ml", classlabels_int64s=[0, 1, 2, 3])
        z = helper.make_value_info(
            "z",
            helper.make_sequence_type_proto(
                helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
            ),
        )
        save([zipmap], [X], [z], domains={"ai.onnx.ml": 3})
        with pytest.raises(ModelError, match=r"output 'z' is a sequence of maps") as caught:
            pack(path="model.onnx")
        assert "'zipmap': False" in caught.value.hint

    def test_a_sequence_is_refused(self, pack, save):
        z = helper.make_value_info("z", helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
        save([helper.make_node("SequenceConstruct", ["x"], ["z"])], [X], [z])
        with pytest.raises(ModelError, match=r"output 'z' is a sequence \(seq\(tensor\(float\)\)\)"):
            pack(path="model.onnx")

    def test_an_odd_number_format_is_refused(self, pack, save):
        z = helper.make_tensor_value_info("z", TensorProto.FLOAT8E4M3FN, None)
        save([helper.make_node("Cast", ["x"], ["z"], to=TensorProto.FLOAT8E4M3FN)], [X], [z], opset=19, ir=9)
        with pytest.raises(ModelError, match="float8e4m3fn"):
            pack(path="model.onnx")


class TestOptimising:
    def test_no_layout_of_this_processor_is_baked_in(self, pack, network):
        packed = pack(path="model.onnx") if network() else None
        stored = onnx.load(packed.root / "model.onnx")
        assert "com.microsoft.nchwc" not in {node.domain for node in stored.graph.node}
        assert "FusedConv" in {node.op_type for node in stored.graph.node}

    def test_the_level_to_load_at_is_written_down(self, pack, network, linear):
        from mldeploy.handlers import manifest

        network()
        assert manifest.read(pack(path="model.onnx").root).raw["engine"] == {"optimisation": "all"}
        linear()
        assert manifest.read(pack(path="model.onnx").root).raw["engine"] == {"optimisation": "disabled"}

    def test_the_same_bytes_every_time_in_every_process(self, load, network, tmp_path):
        import subprocess
        import sys

        network()
        script = (
            "import sys\n"
            "from pathlib import Path\n"
            "from mldeploy import bundle\n"
            "from mldeploy.spec.loaded import LoadedSpec\n"
            "from mldeploy.spec.model import ModelSpec\n"
            "model = {'path': 'model.onnx', 'preprocess': {'kind': 'image', 'size': [16, 16], 'mean': 0.5, 'std': 0.25},\n"
            "         'postprocess': {'kind': 'top_k', 'k': 2, 'softmax': True}}\n"
            "spec = ModelSpec.model_validate({'version': 1, 'name': 'demo', 'model': model})\n"
            "packed = bundle.pack(LoadedSpec(spec, 'mldeploy.yaml', Path('.'), 'dev', {}), Path(sys.argv[1]))\n"
            "sys.stdout.write((packed.root / 'bundle.json').read_text())\n"
        )
        answers = {
            subprocess.run(
                [sys.executable, "-c", script, f"store{i}"], cwd=tmp_path, capture_output=True, text=True, check=True
            ).stdout
            for i in range(3)
        }
        assert len(answers) == 1  # it holds the digest of the model file

    def test_quantised_graphs_are_left_to_the_machine_that_runs_them(self, pack, save, run):
        from mldeploy.handlers import manifest

        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ]
        save(nodes, [X], [Y], {"s": np.float32(0.1), "z": np.uint8(128)})
        packed = pack(path="model.onnx")
        assert manifest.read(packed.root).raw["engine"] == {"optimisation": "all"}
        assert [node.op_type for node in onnx.load(packed.root / "model.onnx").graph.node] == [
            "QuantizeLinear",
            "DequantizeLinear",
        ]

    def test_folding_that_blows_the_file_up_is_not_kept(self, pack, save, tmp_path):
        shape = helper.make_node(
            "ConstantOfShape", ["n"], ["big"], value=helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
        )
        total = helper.make_node("ReduceSum", ["big2"], ["t"], keepdims=0)
        nodes = [shape, helper.make_node("Mul", ["big", "w"], ["big2"]), total, helper.make_node("Add", ["x", "t"], ["y"])]
        save(
            [
                *nodes[:2],
                helper.make_node("Gather", ["big2", "i"], ["row"], axis=0),
                helper.make_node("Add", ["x", "row"], ["y"]),
            ],
            [X, helper.make_tensor_value_info("i", TensorProto.INT64, [])],
            [Y],
            {"n": np.array([300_000, 4], np.int64), "w": np.float32([[1, 2, 3, 4]])},
        )
        packed = pack(path="model.onnx")
        assert packed.facts["size_bytes"] < 10_000

    def test_a_graph_that_cannot_be_written_optimised_is_kept_as_it_is(self, pack, linear, monkeypatch, tmp_path):
        from mldeploy.handlers import manifest

        real = optimise.new_session

        def fail(source, *, level="disabled", save_to=None, name=None):
            if save_to is not None:
                save_to.write_bytes(b"half")
                raise ModelError("no")
            return real(source, level=level, name=name)

        monkeypatch.setattr(optimise, "new_session", fail)
        linear()
        assert manifest.read(pack(path="model.onnx").root).raw["engine"] == {"optimisation": "all"}
