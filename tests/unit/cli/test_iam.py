"""iam and ci bootstrap on the command line: what they print and write, and what they refuse before anything is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from mldeploy.cli.__main__ import main

SPEC = """\
version: 1
name: digits
model: {path: model.onnx}
clouds:
  aws: {region: eu-central-1, account: "123456789012"}
  gcp: {}
stages:
  prod: {resources: {memory_mb: 512}}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mldeploy.yaml").write_text(SPEC)
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 2]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", tensors[:1], tensors[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "model.onnx")
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(tmp_path / "state"))
    for name in ("MLDEPLOY_CLOUD", "MLDEPLOY_ENV", "MLDEPLOY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_person_reads_documents_commands_and_what_is_wide(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["iam", "--cloud", "aws"]) == 0
    out = capsys.readouterr().out
    assert (
        out.index("# deployer-policy.json")
        < out.index("aws iam put-role-policy")
        < out.index("ecr:GetAuthorizationToken  on *")
    )
    assert '"arn:aws:lambda:eu-central-1:123456789012:function:digits-dev"' in out


def test_the_documents_are_written_and_are_those_that_are_told(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    answer = told(capsys, "iam", "--cloud", "aws", "-e", "prod", "--out", "given")
    assert answer["files"] == ["given/deployer-policy.json"]
    written = json.loads((project / "given/deployer-policy.json").read_text())
    assert written == answer["documents"]["deployer-policy.json"]
    assert "function:digits-prod" in json.dumps(written)
    assert {wide["on"] for wide in answer["wide"]} >= {"*"}


def test_every_feature_is_more_than_this_spec(capsys: pytest.CaptureFixture[str]) -> None:
    def actions(*more: str) -> set[str]:
        (document,) = told(capsys, "iam", "--cloud", "aws", *more)["documents"].values()
        return {action for statement in document["Statement"] for action in statement["Action"]}

    assert "scheduler:CreateSchedule" not in actions()
    assert actions() < actions("--every-feature")
    assert "scheduler:CreateSchedule" in actions("--every-feature")


def test_a_spec_without_project_says_which_key(capsys: pytest.CaptureFixture[str]) -> None:
    error = told(capsys, "iam", "--cloud", "gcp", code=2)["error"]
    assert "clouds: {gcp: {project:" in error["hint"]


@pytest.mark.parametrize("arguments", [("iam",), ("ci", "bootstrap", "--repository", "acme/digits")])
def test_this_machine_needs_no_rights(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    error = told(capsys, *arguments, code=2)["error"]
    assert "local" in error["message"]
    assert "--cloud NAME" in error["hint"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--repository", "acme/*"), "no repository"),
        (("--repository", "acme/digits", "--environment", "*"), "no name of an environment"),
        (("--cloud", "gcp", "--repository", "acme/digits"), "none is named"),
        ((), "--repository"),
    ],
)
def test_a_bootstrap_refuses_what_would_trust_too_many(
    more: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in told(capsys, "ci", "bootstrap", "--cloud", "aws", *more, code=2)["error"]["message"]
