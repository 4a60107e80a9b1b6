"""A fourth cloud is one package with one entry-point line and nothing else: this test adds one and drives the whole flow.

The package lies in a temporary folder as pip would have installed it (its modules and a dist-info with entry_points.txt); every
command is the real command line in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance import ProviderConformance

from mldeploy.providers.contract import Provider

SOURCE = Path(__file__).parent / "toy_cloud"
ENTRY_POINTS = "[mldeploy.providers]\ntoy = toycloud:provider\n"
METADATA = "Metadata-Version: 2.1\nName: mldeploy-toycloud\nVersion: 1.0\n"
SPEC = """\
version: 1
name: doubler
model: {path: double.onnx}
smoke:
  - inputs: [[1.5, 2.0]]
    expect: {outputs: {y: [[3.0, 4.0]]}}
clouds:
  toy: {region: attic}
stages:
  prod: {clouds: {toy: {region: cellar}}}
"""

ROOT = Path(__file__).parents[2]


def built_in() -> list[str]:
    """The providers of mldeploy's own."""
    return sorted(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["mldeploy.providers"])


Cli = Callable[..., subprocess.CompletedProcess[str]]


def install(site: Path, distribution: str = "mldeploy_toycloud") -> None:
    """What `pip install` leaves behind."""
    if not (site / "toycloud").exists():
        shutil.copytree(SOURCE, site / "toycloud", ignore=shutil.ignore_patterns("__pycache__"))
    info = site / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA.replace("mldeploy-toycloud", distribution))
    (info / "entry_points.txt").write_text(ENTRY_POINTS)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A spec and its model, y = 2x."""
    from onnx import TensorProto, helper, save

    folder = tmp_path / "project"
    folder.mkdir()
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    two = helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0])
    graph = helper.make_graph([helper.make_node("Mul", ["x", "two"], ["y"])], "double", [x], [y], [two])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "double.onnx")
    (folder / "mldeploy.yaml").write_text(SPEC)
    return folder


@pytest.fixture
def cli(site: Path, project: Path, state: Path) -> Cli:
    """Run `mldeploy …` in the project, with the package on the path."""

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site), "MLDEPLOY_STATE_DIR": str(state), "NO_COLOR": "1"}
        command = [sys.executable, "-m", "mldeploy.cli", *arguments]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


@pytest.fixture
def deployed(cli: Cli) -> Iterator[dict[str, Any]]:
    """`up`, and in the end no process is left."""
    try:
        yield as_json(cli("up", "--cloud", "toy", "--json"))
    finally:
        cli("destroy", "--cloud", "toy", "-y")


def test_before_anything_exists(cli: Cli, project: Path) -> None:
    assert as_json(cli("validate", "--json"))["clouds"] == ["local", "toy"]
    schema = as_json(cli("schema"))
    assert schema["$defs"]["toy"]["properties"]["region"]["description"] == "where the toys are"
    plan = as_json(cli("preview", "--cloud", "toy", "-e", "prod", "--json"))
    regions = [setting for setting in plan["settings"] if setting["key"] == "clouds.toy.region"]
    assert regions == [{"key": "clouds.toy.region", "value": "cellar", "origin": "stage prod (mldeploy.yaml:10)"}]
    assert "attic" in cli("preview", "--cloud", "toy").stdout
    groups = as_json(cli("doctor", "--cloud", "toy", "--json"))["groups"]
    findings = {finding["title"]: finding for group in groups.values() for finding in group}
    assert findings["toy box"]["message"] == "open"
    assert as_json(cli("status", "--cloud", "toy", "--json")) is not None


def test_its_limits_and_rules_are_checked_like_everyones(cli: Cli, project: Path) -> None:
    (project / "mldeploy.yaml").write_text(
        SPEC.replace("attic}", "attic, regoin: x}") + "resources: {memory_mb: 4096}\naccess: key\n"
    )
    found = as_json(cli("validate", "--cloud", "toy", "--json", code=2))["problems"]
    assert [problem["path"] for problem in found] == ["clouds.toy.regoin"]
    assert "did you mean 'region'?" in found[0]["message"]
    (project / "mldeploy.yaml").write_text(SPEC + "resources: {memory_mb: 4096}\naccess: key\n")
    memory, access = as_json(cli("validate", "--cloud", "toy", "--json", code=2))["problems"]
    assert memory["message"] == "4096 is above Toy Cloud's 2048 MB (the label on the box, 2026-11-21)"
    fix, _, others = memory["fix"].partition(", or deploy to ")
    assert fix == "lower it to 2048 at most"
    assert [each.split(" (")[0] for each in others.split(" or ")] == built_in()
    assert access["message"] == "Toy Cloud has no keys"
    cli("up", "--cloud", "toy", code=2)


def test_from_up_to_destroy(cli: Cli, deployed: dict[str, Any]) -> None:
    assert (deployed["provider"], deployed["stage"], deployed["changed"]) == ("toy", "dev", True)
    again = as_json(cli("up", "--cloud", "toy", "--json"))
    assert (again["changed"], again["url"]) == (False, deployed["url"])

    assert as_json(cli("invoke", "--cloud", "toy", "--json", "[[1, 2]]"))["outputs"] == {"y": [[2.0, 4.0]]}
    with urllib.request.urlopen(f"{deployed['url']}/v2/health/ready", timeout=10) as response:
        assert response.status == 200

    assert "serving" in cli("status", "--cloud", "toy").stdout
    assert as_json(cli("outputs", "--cloud", "toy", "--json"))["url"] == deployed["url"]
    assert "doubler" in cli("logs", "--cloud", "toy", "-n", "5").stdout

    assert as_json(cli("destroy", "--cloud", "toy", "-y", "--json"))["destroyed"] is True
    assert as_json(cli("destroy", "--cloud", "toy", "-y", "--json"))["destroyed"] is False


def test_a_wrong_answer_never_serves(cli: Cli, project: Path, deployed: dict[str, Any]) -> None:
    (project / "mldeploy.yaml").write_text(SPEC.replace("[[3.0, 4.0]]", "[[5.0, 6.0]]").replace("attic", "roof"))
    cli("up", "--cloud", "toy", code=5)
    assert as_json(cli("outputs", "--cloud", "toy", "--json"))["values"]["pid"] == deployed["values"]["pid"]
    assert as_json(cli("invoke", "--cloud", "toy", "--json", "[[1, 2]]"))["outputs"] == {"y": [[2.0, 4.0]]}


def test_an_unknown_cloud_lists_the_installed_ones(cli: Cli) -> None:
    error = as_json(cli("up", "--cloud", "tyo", "--json", code=3))["error"]
    installed = ", ".join(sorted({*built_in(), "toy"}))
    assert error["message"] == f"there is no provider 'tyo'; installed are {installed}"
    assert error["hint"] == "did you mean 'toy'?"


def test_two_packages_of_one_name_are_told_apart(cli: Cli, site: Path) -> None:
    install(site, "another_toycloud")
    error = as_json(cli("up", "--cloud", "toy", "--json", code=3))["error"]
    assert error["message"] == "two packages register the provider 'toy': another_toycloud and mldeploy_toycloud"
    assert error["hint"] == "uninstall one of the two: pip uninstall another_toycloud"


class TestToyCloud(ProviderConformance):
    """The toy holds what every provider holds."""

    @pytest.fixture
    def provider(self, site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
        monkeypatch.syspath_prepend(str(site))
        found: Provider = importlib.import_module("toycloud").provider
        yield found
        for name in [name for name in sys.modules if name.partition(".")[0] == "toycloud"]:
            del sys.modules[name]
