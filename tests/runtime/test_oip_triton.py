"""Triton's own HTTP client, unchanged, against a real server process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

Clients = Callable[..., InferenceServerClient]


@pytest.fixture
def client(serve: Callable[..., Any]) -> Iterator[Clients]:
    opened: list[InferenceServerClient] = []

    def connect(name: str, concurrency: int = 1, **settings: str) -> InferenceServerClient:
        opened.append(InferenceServerClient(f"127.0.0.1:{serve(name, **settings).port}", concurrency=concurrency))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def tensor(name: str, dtype: str, values: Any, binary: bool = True) -> InferInput:
    array = np.asarray(values)
    made = InferInput(name, list(array.shape), dtype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def row(*values: float) -> np.ndarray[Any, Any]:
    return np.array([values], np.float32)


def test_health(client: Clients) -> None:
    plain = client("plain")
    assert plain.is_server_live()
    assert plain.is_server_ready()
    assert plain.is_model_ready("plain")
    assert plain.is_model_ready("plain", "1")
    assert not plain.is_model_ready("other")
    assert not plain.is_model_ready("plain", "2")


def test_metadata(client: Clients) -> None:
    plain = client("plain")
    assert "binary_tensor_data" in plain.get_server_metadata()["extensions"]
    found = plain.get_model_metadata("plain", "1")
    assert (found["name"], found["versions"]) == ("plain", ["1"])
    assert found["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}]
    with pytest.raises(InferenceServerException, match="serves 'plain'"):
        plain.get_model_metadata("other")


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer(client: Clients, binary_in: bool, binary_out: bool) -> None:
    result = client("plain").infer(
        "plain",
        [tensor("x", "FP32", row(1, 2, 3), binary_in)],
        outputs=[InferRequestedOutput("y", binary_data=binary_out)],
        request_id="seven",
    )
    assert result.as_numpy("y").tolist() == [[4.0, 5.0]]
    assert result.as_numpy("y").dtype == np.float32
    response = result.get_response()
    assert (response["id"], response["model_name"], response["model_version"]) == ("seven", "plain", "1")
    assert ("data" in response["outputs"][0]) is not binary_out


def test_several_inputs_of_several_types(client: Clients) -> None:
    inputs = [
        tensor("a", "FP64", np.array([[1.0, 2.0], [3.0, 4.0]])),
        tensor("b", "FP64", np.array([10.0, 20.0]), binary=False),
        tensor("names", "BYTES", np.array(["één", "", "drie" * 100], object)),
        tensor("flag", "BOOL", np.array([True, False])),
        tensor("h", "FP16", np.array([0.5], np.float16)),
    ]
    result = client("several").infer("several", inputs)
    assert result.as_numpy("total").tolist() == [[11, 22], [13, 24]]
    assert [name.decode() for name in result.as_numpy("same")] == ["één", "", "drie" * 100]
    assert result.as_numpy("flipped").tolist() == [False, True]
    assert result.as_numpy("half").tolist() == [0.5]


def test_subset_of_the_outputs(client: Clients) -> None:
    pixels = np.full((1, 8, 8, 3), [0, 0, 255], np.uint8)
    result = client("colour").infer("colour", [tensor("pixels", "UINT8", pixels)], outputs=[InferRequestedOutput("indices")])
    assert result.as_numpy("indices")[0][0] == 2
    assert result.as_numpy("scores") is None


def test_strings_as_json(client: Clients) -> None:
    one = client("identity-BYTES")
    outputs = [InferRequestedOutput("y", binary_data=False)]
    result = one.infer("identity-BYTES", [tensor("x", "BYTES", np.array([["a", "é"]], object), binary=False)], outputs=outputs)
    assert result.as_numpy("y").tolist() == [["a", "é"]]


def test_async_infer(client: Clients) -> None:
    plain = client("plain", concurrency=4)
    pending = [plain.async_infer("plain", [tensor("x", "FP32", row(n, 0, 1))]) for n in range(20)]
    assert [one.get_result().as_numpy("y").tolist() for one in pending] == [[[n + 1.0, 1.0]] for n in range(20)]


def test_gzip_request(client: Clients) -> None:
    result = client("plain").infer("plain", [tensor("x", "FP32", row(1, 2, 3))], request_compression_algorithm="gzip")
    assert result.as_numpy("y").tolist() == [[4.0, 5.0]]


def test_many_rows(client: Clients) -> None:
    rows = np.random.default_rng(1).random((20_000, 3)).astype(np.float32)
    found = client("plain").infer("plain", [tensor("x", "FP32", rows)]).as_numpy("y")
    np.testing.assert_allclose(found, rows[:, :2] + rows[:, 2:], rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            [("x", "FP32", np.zeros((1, 4), np.float32))],
            r"inputs\.x\.shape has shape \[1, 4\]; expected FP32 of shape \[N, 3\]",
        ),
        ([("x", "FP64", np.zeros((1, 3)))], r'inputs\.x\.datatype is "FP64"; the model takes FP32'),
        ([("z", "FP32", np.zeros((1, 3), np.float32))], r"the model has no input 'z'; expected x"),
        ([("x", "FP32", np.zeros((1, 3), np.float32))] * 2, r"inputs\.x is given twice"),
        ([], r"no value for x"),
    ],
    ids=["shape", "datatype", "name", "twice", "none"],
)
def test_a_wrong_request_says_what_is_wrong(client: Clients, inputs: list[Any], message: str) -> None:
    with pytest.raises(InferenceServerException, match=message) as caught:
        client("plain").infer("plain", [tensor(*one) for one in inputs])
    assert caught.value.status() == "422"


def test_the_key(client: Clients) -> None:
    plain = client("plain", MLDEPLOY_ACCESS="key", MLDEPLOY_API_KEY="s3cret")
    assert plain.is_server_ready()
    with pytest.raises(InferenceServerException, match="needs a key"):
        plain.infer("plain", [tensor("x", "FP32", row(1, 2, 3))])
    headers = {"authorization": "Bearer s3cret"}
    assert plain.infer("plain", [tensor("x", "FP32", row(1, 2, 3))], headers=headers).as_numpy("y").tolist() == [[4, 5]]


def test_a_body_over_the_limit(client: Clients) -> None:
    plain = client("plain", MLDEPLOY_MAX_BODY_BYTES="1000")
    with pytest.raises(InferenceServerException, match="1000 bytes") as caught:
        plain.infer("plain", [tensor("x", "FP32", np.zeros((100, 3), np.float32))])
    assert caught.value.status() == "413"
