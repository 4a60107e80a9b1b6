"""The whole corpus through the real runtime client under the real emulator, in every envelope; and what can go wrong."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mldeploy.handlers.message import Response

HERE = Path(__file__).parent


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"aws_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


rie = _load("rie")
doors = _load("aws_envelopes")


@pytest.fixture(scope="module", autouse=True)
def _emulator_at_hand() -> None:
    try:
        rie.binary()
    except rie.Missing as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def function(folder: Callable[[str], Path]) -> Iterator[Callable[..., Any]]:
    """Start (once for each set of settings) our handler under the runtime client and the emulator."""
    running: dict[tuple[Any, ...], Any] = {}

    def get(name: str, timeout_s: int = 30, **settings: str) -> Any:
        key = (name, timeout_s, *sorted(settings.items()))
        if key not in running:
            running[key] = rie.Emulator({"MLDEPLOY_BUNDLE": str(folder(name)), **settings}, timeout_s=timeout_s)
        return running[key]

    yield get
    for one in running.values():
        one.close()


@pytest.mark.parametrize("form", sorted(doors.FORMS))
def test_corpus(form: str, corpus: ModuleType, folder: Callable[[str], Path], function: Callable[..., Any]) -> None:
    def ask(case: Any) -> Response:
        done = function(case.bundle, **corpus.settings(case)).invoke(doors.FORMS[form](case))
        assert done.status == 200, done.text
        assert not done.is_error, done.text
        answer: Response = doors.response(done.document)
        return answer

    assert corpus.run_corpus("aws", ask, folder) == []


def test_named_stage_is_taken_off(corpus: ModuleType, function: Callable[..., Any]) -> None:
    case = next(case for case in corpus.CORPUS if case.name == "json")
    event = doors.v2(case)
    event["rawPath"] = "/dev/predict"
    event["requestContext"]["stage"] = "dev"
    assert function("plain").invoke(event).document["statusCode"] == 200


def test_request_id_is_the_platforms_where_the_caller_sent_none(corpus: ModuleType, function: Callable[..., Any]) -> None:
    case = next(case for case in corpus.CORPUS if case.name == "get /metadata")
    running = function("plain")
    given = running.invoke(doors.v2(case)).document["headers"]["x-request-id"]
    assert f"RequestId: {given}" in running.log
    assert f'"request_id":"{given}"' in running.log


def test_damaged_base64(function: Callable[..., Any], corpus: ModuleType) -> None:
    case = next(case for case in corpus.CORPUS if case.name == "png")
    event = {**doors.v2(case), "body": "%%%"}
    answer = function("colour").invoke(event).document
    assert answer["statusCode"] == 400
    assert "base64" in json.loads(answer["body"])["detail"]


def test_direct_invocation(function: Callable[..., Any]) -> None:
    plain = function("plain")
    assert plain.invoke({"inputs": [[1, 2, 3]]}).document == {"model": "plain", "outputs": {"y": [[4.0, 5.0]]}}
    assert plain.invoke({"method": "GET", "path": "/v2/health/ready"}).document == {"ready": True}
    assert plain.invoke({"path": "/predict", "body": {"inputs": [1, 2, 3]}}).document["outputs"] == {"y": [[4.0, 5.0]]}
    text = plain.invoke({"path": "/metrics"}).document
    assert text.startswith("# HELP mldeploy_requests_total")


@pytest.mark.parametrize(
    ("event", "slug"),
    [
        ({"inputs": [[1, 2]]}, "invalid-input"),
        ({}, "invalid-input"),
        (None, "invalid-input"),
        ([1], "invalid-input"),
        ({"path": "/nothing"}, "not-found"),
        ({"path": "/predict", "body": "%%%", "isBase64Encoded": True}, "bad-request"),
    ],
)
def test_direct_errors_are_function_errors(function: Callable[..., Any], event: Any, slug: str) -> None:
    done = function("plain").invoke(event)
    assert done.is_error
    assert done.document["errorType"] == "ProblemError"
    assert json.loads(done.document["errorMessage"])["type"] == f"urn:mldeploy:problem:{slug}"


def test_direct_invocation_needs_no_key(function: Callable[..., Any]) -> None:
    """Invoking is for IAM to allow; the endpoint's own key is for HTTP."""
    locked = function("plain", MLDEPLOY_ACCESS="key", MLDEPLOY_API_KEY="k" * 20)
    assert locked.invoke({"inputs": [[1, 2, 3]]}).document["outputs"] == {"y": [[4.0, 5.0]]}


def test_direct_bytes(function: Callable[..., Any], corpus: ModuleType) -> None:
    case = next(case for case in corpus.CORPUS if case.name == "oip binary")
    event = {
        "path": case.target,
        "headers": dict(case.fields),
        "body": base64.b64encode(case.body).decode(),
        "isBase64Encoded": True,
    }
    document = function("plain").invoke(event).document
    assert document["contentType"] == "application/octet-stream"
    assert base64.b64decode(document["body"]).endswith(b"\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\x20\x41\x00\x00\x30\x41")


def test_a_slow_hook_is_answered_before_lambda_ends(tmp_path: Path, corpus: ModuleType, folder: Callable[[str], Path]) -> None:
    """The function's own timeout is shorter than the request's: 504 with our words, and the next request is answered."""
    bundle = _with_hook(folder("hooked"), tmp_path / "slow", "import time\ntime.sleep(30 if inputs == 'slow' else 0)")
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(bundle), "MLDEPLOY_TIMEOUT_S": "60"}, timeout_s=2) as slow:
        assert slow.invoke(_predict(corpus, {"inputs": "fast"})).document["statusCode"] == 200
        late = slow.invoke(_predict(corpus, {"inputs": "slow"})).document
        assert late["statusCode"] == 504, late
        assert json.loads(late["body"])["type"] == "urn:mldeploy:problem:timeout"
        assert slow.invoke(_predict(corpus, {"inputs": "fast"})).document["statusCode"] == 200
        assert "Task timed out" not in slow.log


def test_a_model_that_hangs_gets_a_fresh_environment(tmp_path: Path, corpus: ModuleType, folder: Callable[[str], Path]) -> None:
    bundle = _with_hook(folder("hooked"), tmp_path / "hangs", "import time\ntime.sleep(600 if inputs == 'slow' else 0)")
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(bundle), "MLDEPLOY_TIMEOUT_S": "0.3"}) as hanging:
        for _ in range(2):
            assert hanging.invoke(_predict(corpus, {"inputs": "slow"})).document["statusCode"] == 504
        third = hanging.invoke(_predict(corpus, {"inputs": "slow"}))
        assert third.is_error, third.text
        assert "the model hangs on every thread" in hanging.log
        assert hanging.invoke(_predict(corpus, {"inputs": "fast"})).document["statusCode"] == 200
        assert hanging.log.count('"event":"loaded"') == 2


def test_an_answer_over_lambdas_limit(corpus: ModuleType, folder: Callable[[str], Path], function: Callable[..., Any]) -> None:
    """The platform would make a 502 of it."""
    rows = [[0.1, 0.2, 0.3]] * 300_000
    event = _predict(corpus, {"inputs": rows})
    answer = function("plain", MLDEPLOY_MAX_BODY_BYTES="20000000").invoke(event).document
    assert answer["statusCode"] == 413, str(answer)[:300]
    assert "ask for fewer rows" in json.loads(answer["body"])["detail"]
    assert answer["headers"]["x-request-id"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MLDEPLOY_BUNDLE": ""}, "MLDEPLOY_BUNDLE is not set"),
        ({"MLDEPLOY_BUNDLE": "/nowhere"}, "the model cannot be served"),
        ({"MLDEPLOY_TIMEOUT_S": "soon"}, "MLDEPLOY_TIMEOUT_S='soon' is not a number"),
        ({"MLDEPLOY_ACCESS": "key"}, "MLDEPLOY_ACCESS=key needs MLDEPLOY_API_KEY"),
    ],
)
def test_a_failing_load_is_an_init_error(folder: Callable[[str], Path], change: dict[str, str], said: str) -> None:
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(folder("plain")), **change}) as broken:
        done = broken.invoke({"inputs": [[1, 2, 3]]})
        assert done.document["errorType"] == "InitError", done.text
        assert said in done.document["errorMessage"]


def test_a_hook_that_ends_the_process_is_an_init_error(tmp_path: Path, folder: Callable[[str], Path]) -> None:
    bundle = _with_hook(folder("hooked"), tmp_path / "exits", "", head="raise SystemExit(3)")
    with rie.Emulator({"MLDEPLOY_BUNDLE": str(bundle)}) as broken:
        done = broken.invoke({"inputs": "x"})
        assert done.document["errorType"] == "InitError", done.text
        assert "cannot be served" in done.document["errorMessage"]


def _predict(corpus: ModuleType, document: Any) -> dict[str, Any]:
    """A function URL's event for POST /predict."""
    case = next(case for case in corpus.CORPUS if case.name == "json")
    event: dict[str, Any] = {**doors.v2(case), "body": json.dumps(document)}
    return event


def _with_hook(source: Path, target: Path, statements: str, head: str = "") -> Path:
    """The hooked bundle with other code in its hook."""
    target.mkdir()
    for path in source.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())
    lines = "".join(f"    {line}\n" for line in statements.splitlines())
    (target / "hook.py").write_text(
        f"import numpy as np\n{head}\n\n\ndef preprocess(inputs):\n{lines}"
        "    return {'x': np.array([[len(inputs), 0, 0]], np.float32)}\n"
    )
    return target
