"""`mldeploy bench --sweep` without a container engine: modelled and said so; and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mldeploy.bench import sweep
from mldeploy.cli.__main__ import main
from mldeploy.cost import measurements
from mldeploy.errors import GateError
from mldeploy.image.engine import Engine


@pytest.fixture
def spec(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec whose model adds one. There is no engine, and pauses are short."""
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setattr(sweep, "PAUSE_S", (0.0, 0.001))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mldeploy.yaml"
    file.write_text("version: 1\nname: plus-one\nmodel: {path: bundle/model.onnx}\n")
    (tmp_path / "request.json").write_text('{"inputs": [[1, 2]]}')
    return file


QUICK = ("bench", "--sweep", "--cold", "1", "--duration", "0.1")


def said(capfd: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = capfd.readouterr()
    return found.out, found.err


def test_the_model_is_named_and_the_result_is_kept(spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--json"]) == 0
    out, _ = said(capfd)
    document = json.loads(out)
    assert document["method"].startswith("modelled, not throttled")
    assert "no Docker engine answers" in document["method"]
    kept = measurements.find(document["fingerprint"])
    assert kept is not None
    assert len(kept.points) == len(document["points"]) > 3
    assert {point.provider for point in kept.points} > {"gcp"}
    slow = min(kept.points, key=lambda point: point.cpu)
    quick = max(kept.points, key=lambda point: point.cpu)
    assert slow.busy_ms is not None
    assert quick.busy_ms is not None
    assert slow.busy_ms >= slow.cpu_ms / slow.cpu * 0.999
    assert slow.busy_ms >= quick.busy_ms
    assert slow.start_ms > quick.start_ms
    assert all(point.peak_memory_mb == slow.peak_memory_mb for point in kept.points)


def test_people_get_a_table_of_one_cloud(spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, "--cloud", "gcp", "--sizes", "256"]) == 0
    out, err = said(capfd)
    rows = [line.split() for line in out.splitlines() if line.startswith("gcp")]
    assert rows
    assert {row[1] for row in rows} == {"256"}
    assert "modelled, not throttled" in out
    assert "not measured under limits" in " ".join(err.split())


def test_one_more_size_joins_the_others_and_a_damaged_record_is_replaced(spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for sizes in ("256", "512"):
        assert main([*QUICK, "--cloud", "gcp", "--sizes", sizes, "--json"]) == 0
        document = json.loads(said(capfd)[0])
    assert {point["memory_mb"] for point in document["points"]} == {512}
    kept = measurements.find(document["fingerprint"])
    assert kept is not None
    assert {point.memory_mb for point in kept.points} == {256, 512}
    Path(document["file"]).write_text("{")
    assert main([*QUICK, "--cloud", "gcp", "--sizes", "256"]) == 0
    assert "this is no measurement" in " ".join(said(capfd)[1].split())
    kept = measurements.find(document["fingerprint"])
    assert kept is not None
    assert {point.memory_mb for point in kept.points} == {256}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sizes", "257"], "--sizes 257: no cloud sells this size"),
        (["--sizes", "0"], "give memory sizes in MB"),
        (["--sizes", "many"], "give memory sizes in MB"),
        (["--sizes", "256,99999999999"], "give memory sizes in MB"),
        (["--fresh"], "without --sweep"),
        (["--html", "x.html"], "without --sweep"),
        (["--cloud", "local"], "local sells no sizes"),
        (["--cloud", "gcp", "--sizes", "32768"], "wants more than this machine's"),
        (["--name", "plus-one", "[[1, 2]]"], "--sweep needs a spec"),
    ],
)
def test_what_it_refuses(words: list[str], message: str, spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main([*QUICK, *words]) == 2
    assert message in " ".join(said(capfd)[1].split())
    assert not (spec.parent / "state" / "measurements").exists()


def test_sizes_are_of_a_sweep(spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--sizes", "256"]) == 2
    assert "--sizes goes with --sweep" in said(capfd)[1]


def test_an_engine_without_an_image_is_modelled_too(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The engine and the build are stand-ins: what is looked at is what the command makes of a refusal."""

    class Closed:
        def close(self) -> None: ...

        def containers(self, **_: object) -> list[object]:
            return []

        def info(self) -> dict[str, int]:
            return {"NCPU": 1}

    def refuse(*_: object, **__: object) -> None:
        raise GateError("the base image cannot be found\nand more")

    monkeypatch.setattr("mldeploy.image.engine.connect", lambda: Engine(Closed()))
    monkeypatch.setattr("mldeploy.image.build", refuse, raising=False)
    assert main([*QUICK, "--cloud", "gcp", "--sizes", "256", "--json", "-v"]) == 0
    out, err = said(capfd)
    document = json.loads(out)
    assert "no cloud's image could be built here" in document["method"]
    assert max(point["cpu"] for point in document["points"]) <= 1  # the engine's processors count
    assert "gcp's own image cannot be measured here: the base image cannot be found" in " ".join(err.split())
