"""What Docker, the builder, a registry and pip say when something is wrong, and what a person reads then."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy.errors import DeployError, GateError, MldeployError, ProviderError
from mldeploy.image import building, engine, gates, largest, pins, pushing, unpacking, wheels
from mldeploy.image.contract import BuiltImage, Destination
from mldeploy.plan import Plan, Recipe
from mldeploy.progress import SilentReporter

STEP = SilentReporter().step("")


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (OSError("Error: PermissionError(13, 'Permission denied')"), "this user may not use it", "usermod -aG docker"),
        (PermissionError(13, "x"), "this user may not use it", "usermod -aG docker"),
        (
            OSError("FileNotFoundError(2, 'No such file or directory')"),
            "not installed or not running",
            "systemctl start docker",
        ),
        (OSError("ConnectionRefusedError(111, 'Connection refused')"), "not installed or not running", "DOCKER_HOST"),
        (OSError("the API is too old"), "the API is too old", "install Docker"),
    ],
)
def test_no_engine(error: OSError, message: str, hint: str) -> None:
    found = engine.unreachable(error)
    assert message in found.message
    assert hint in str(found.hint)
    assert found.exit_code == 3


@pytest.mark.parametrize("is_stale", [False, True], ids=["no socket", "nobody listens"])
def test_a_socket_that_does_not_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_stale: bool) -> None:
    """Told, and nothing is left open: a warning would end this test."""
    path = tmp_path / "docker.sock"
    if is_stale:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ended:
            ended.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with pytest.raises(ProviderError, match="not installed or not running"):
        engine.connect()
    gc.collect()


def test_the_sdk_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "docker", None)
    with pytest.raises(ProviderError) as caught:
        engine.connect()
    assert "pip install" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("write /var/lib/docker/tmp/x: no space left on device", DeployError, "no space is left"),
        ("exec /usr/bin/python3: exec format error", GateError, "cannot run programs of the image's architecture"),
        (
            "no matching manifest for linux/arm64/v8 in the manifest list entries",
            GateError,
            "does not exist for the architecture",
        ),
        ("pull access denied for x, repository does not exist", GateError, "the base image cannot be found"),
        ("manifest for python:9 not found: manifest unknown", GateError, "the base image cannot be found"),
        ("toomanyrequests: You have reached your pull rate limit", DeployError, "limits how often"),
        ("Get https://x/v2/: dial tcp: lookup x: no such host", DeployError, "does not reach the registry of the base"),
        ("something nobody knows", DeployError, "something nobody knows"),
    ],
)
def test_the_engine_refuses(words: str, kind: type[MldeployError], said: str) -> None:
    found = engine.refusal(words, "Docker cannot build")
    assert type(found) is kind
    assert said in found.message
    assert found.hint


def messages(*lines: str, error: str = "") -> Iterator[dict[str, Any]]:
    for line in lines:
        yield {"stream": f"{line}\n"}
    if error:
        yield {"errorDetail": {"message": error}, "error": error}


def test_a_failed_build_shows_its_step_and_its_last_twenty_lines() -> None:
    said = [f"line {number}" for number in range(30)]
    with pytest.raises(DeployError) as caught:
        building.follow(
            messages(
                "Step 1/2 : FROM x", " ---> abc", 'Step 2/2 : RUN ["python3"]', *said, error="returned a non-zero code: 1"
            ),
            STEP,
        )
    message = caught.value.message
    assert 'step 2 of 2: RUN ["python3"]' in message
    assert message.splitlines()[1:] == [f"    line {number}" for number in range(10, 30)]


def test_a_disk_that_is_full_in_a_build() -> None:
    """A stand-in: the engine's words, not a disk of ours that was filled."""
    with pytest.raises(DeployError) as caught:
        building.follow(messages("Step 1/1 : COPY a /", error="Error processing tar file: no space left on device"), STEP)
    assert "no space is left on the engine's disk" in caught.value.message
    assert "docker system prune" in str(caught.value.hint)


class FakeEngine:
    """The parts of an engine that pushing and measuring ask."""

    def __init__(self, *runs: list[dict[str, Any]]) -> None:
        self.runs = list(runs)
        self.names: list[str] = []

    def push(self, *_: Any) -> Iterator[dict[str, Any]]:
        return iter(self.runs.pop(0))

    def tag(self, name: str, repository: str, tag: str) -> None:
        self.names.append(f"{repository}:{tag}")

    def untag(self, name: str) -> None:
        self.names.remove(name)

    def history(self, name: str) -> list[dict[str, Any]]:
        return [{"CreatedBy": "/bin/sh -c #(nop) ADD file:1 in / ", "Size": 100_000_000}] if "base" in name else []


BUILT = BuiltImage("mldeploy/x", "t", "sha256:1", 10, 5, False)
CUT = [{"error": "write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer"}]


def test_a_connection_cut_twice_is_an_error_and_leaves_no_name() -> None:
    fake, slept = FakeEngine(CUT, CUT), []
    with pytest.raises(DeployError, match="cut twice") as caught:
        pushing.push(fake, BUILT, Destination("r.example/x"), SilentReporter(), sleep=slept.append)  # type: ignore[arg-type]
    assert slept == [pushing.RETRY_AFTER_S]
    assert fake.names == []
    assert "only the rest is sent" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("denied: requested access to the resource is denied", ProviderError, "refuses the push"),
        ("unauthorized: authentication required", ProviderError, "refuses the push"),
        ("no basic auth credentials", ProviderError, "refuses the push"),
        ("name unknown: The repository with name 'x' does not exist in the registry", DeployError, "no such repository"),
        ("denied: quota exceeded", ProviderError, "no room"),
        ("tag invalid: The image tag 'x' already exists and cannot be overwritten because the repository is immutable",
         GateError, "another image's"),
        ("http: server gave HTTP response to HTTPS client", ProviderError, "does not trust"),
        ("something nobody knows", DeployError, "something nobody knows"),
    ],
)  # fmt: skip
def test_the_registry_refuses(words: str, kind: type[Exception], said: str) -> None:
    found = pushing.refusal(words)
    assert type(found) is kind
    assert said in str(found)


def test_a_cut_is_a_cut_whatever_digits_the_uploads_address_has() -> None:
    words = 'Patch "http://r/v2/x/blobs/uploads/4030e413-50ab-403c-8413-aa413bb40300?_state=x": EOF'
    assert isinstance(pushing.refusal(words), pushing.ConnectionCut)


def test_what_was_pushed_is_counted() -> None:
    done = pushing.follow(
        [
            {"status": "The push refers to repository [r/x]"},
            {"id": "a", "status": "Preparing", "progressDetail": {}},
            {"id": "a", "status": "Pushing", "progressDetail": {"current": 5, "total": 10}},
            {"id": "a", "status": "Pushed", "progressDetail": {}},
            {"id": "b", "status": "Layer already exists", "progressDetail": {}},
            {"id": "c", "status": "Mounted from other/x", "progressDetail": {}},
            {"status": "t: digest: sha256:0 size: 1"},
        ],
        STEP,
    )
    assert done == pushing.Pushed(1, 2)


def test_the_architecture_and_the_index_gates(recipe: Recipe) -> None:
    gates.check_architecture({"Os": "linux", "Architecture": "amd64"}, recipe)
    with pytest.raises(GateError, match="linux/arm64, and the plan wants linux/amd64"):
        gates.check_architecture({"Os": "linux", "Architecture": "arm64"}, recipe)
    gates.check_single("application/vnd.oci.image.manifest.v1+json", "x")
    for media_type in gates.INDEXES:
        with pytest.raises(GateError, match="an index"):
            gates.check_single(media_type, "x")


def test_an_image_that_is_too_large_names_its_five_largest_parts(recipe: Recipe) -> None:
    sizes = {"scipy 1": 90_000_000, "numpy 2": 50_000_000, "model.onnx": 40_000_000, "a": 3, "b": 2, "c": 1}
    parts = largest.parts(FakeEngine(), replace(recipe, base="base"), sizes)  # type: ignore[arg-type]
    message = gates.too_large(300_000_000, 200, parts).message
    assert "300 MB, and at most 200 MB" in message
    rows = [" ".join(line.split()) for line in message.splitlines()[1:]]
    assert rows == [
        "100.0 MB base image: ADD file:1 in /",
        "90.0 MB scipy 1",
        "50.0 MB numpy 2",
        "40.0 MB model.onnx",
        "0.0 MB a",
    ]


def test_the_probe_is_shut_in_and_gets_no_secret(plan: Plan, recipe: Recipe) -> None:
    settings = gates.confinement(plan, recipe)
    assert settings["environment"] == {"LOG": "plain", "MLDEPLOY_ACCESS": "private"}
    assert (settings["read_only"], settings["cap_drop"], settings["network_mode"]) == (True, ["ALL"], "none")
    assert settings["security_opt"] == ["no-new-privileges"]
    assert (settings["mem_limit"], settings["memswap_limit"], settings["user"]) == ("512m", "512m", "10001:10001")
    assert "mem_limit" not in gates.confinement(replace(plan, settings=()), recipe)


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (
            "ERROR: No matching distribution found for torch==9.9",
            GateError,
            "no wheel of torch 9.9 for Python 3.13 on Linux arm64",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", GateError, "its hash differs"),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            DeployError,
            "no space is left",
        ),
        (
            "WARNING: Retrying after NewConnectionError\nERROR: No matching distribution found for x==1",
            DeployError,
            "does not answer",
        ),
        ("nothing that anybody knows", DeployError, "nothing that anybody knows"),
    ],
)
def test_pip_refuses(words: str, kind: type[MldeployError], said: str) -> None:
    found = wheels.translated(words, wheels.Target("3.13", "arm64"))
    assert type(found) is kind
    assert said in found.message
    assert found.hint


def test_wheels_are_asked_for_by_the_targets_own_tags() -> None:
    flags = wheels.Target("3.13", "arm64").flags
    assert flags[flags.index("--python-version") + 1] == "3.13"
    assert "manylinux_2_28_aarch64" in flags
    assert not [flag for flag in flags if "x86_64" in flag]


def test_without_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ProviderError, match="pip is not installed"), STEP as step:
        wheels.fetch((pins.Pin("six", "1", ("a" * 64,), "g"),), wheels.Target("3.13", "x86_64"), step)


@pytest.mark.parametrize(
    ("name", "group", "is_taken"),
    [
        ("onnxruntime/capi/libonnxruntime.so.1.31.1", "onnxruntime-lean", True),
        ("onnxruntime/capi/libonnxruntime.so.1.31.1", "onnxruntime", False),
        ("onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so", "onnxruntime-lean", False),
        ("onnxruntime/capi/onnxruntime_pybind11_state.cpython-313-x86_64-linux-gnu.so", "onnxruntime", True),
        ("onnxruntime/__init__.py", "onnxruntime", True),
        ("onnxruntime/__init__.py", "onnxruntime-lean", False),
        ("onnxruntime/transformers/fusion.py", "onnxruntime", False),
        ("onnxruntime/LICENSE", "onnxruntime-lean", True),
        ("onnxruntime-1.31.1.dist-info/METADATA", "onnxruntime-lean", True),
        ("onnxruntime-1.31.1.dist-info/RECORD", "onnxruntime-lean", False),
        ("numpy/__init__.py", "onnxruntime", True),
        ("numpy/_core/tests/test_x.py", "numpy", False),
        ("numpy/_core/tests/test_x.py", "user", True),
        ("numpy/testing/__init__.py", "numpy", True),
        ("numpy/__init__.pyi", "numpy", False),
        ("numpy-2.dist-info/licenses/LICENSE.txt", "numpy", True),
        ("PIL/__pycache__/x.pyc", "user", False),
    ],
)
def test_what_of_a_wheel_ships(name: str, group: str, is_taken: bool) -> None:
    assert unpacking.is_taken(name, group) is is_taken


def test_a_wheel_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(GateError, match="cannot be unpacked"):
        list(unpacking.unpack(path, pins.Pin("x", "1", (), "g"), "packages"))


def test_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mldeploy import image

    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    (finding,) = image.checks()
    assert not finding.is_ok
    assert "systemctl start docker" in finding.remedy
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    (finding,) = image.checks()
    assert (finding.is_ok, finding.message) == (False, engine.NOT_INSTALLED)
    assert "pip install" in finding.remedy
    gc.collect()
