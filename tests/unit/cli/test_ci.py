"""`ci github` and `ci stage`: what is written where, what a second run keeps, and what is refused before anything is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mldeploy.ci.contract import Keyless
from mldeploy.cli.__main__ import main
from mldeploy.providers import registry
from mldeploy.spec.loading import load
from mldeploy.stacks import backend

SPEC = "version: 1\nname: digits\nmodel:\n  path: model.onnx\n"
AWS = "clouds:\n  aws: {region: eu-central-1, account: '123456789012'}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose spec lies below its root."""
    (tmp_path / ".git").mkdir()
    here = tmp_path / "models" / "digits"
    here.mkdir(parents=True)
    (here / "model.onnx").write_bytes(b"")
    (here / "mldeploy.yaml").write_text(SPEC + AWS)
    monkeypatch.chdir(here)
    return here


def written(folder: Path, name: str) -> Path:
    return folder.parents[1] / ".github" / "workflows" / f"mldeploy-digits.{name}.yml"


def asked(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, Any]]:
    code = main(["--json", "ci", *args])
    return code, json.loads(capsys.readouterr().out)


def test_files_go_to_the_root_of_the_repository(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, document = asked(capsys, "github")
    assert code == 0
    names = [f".github/workflows/mldeploy-digits.{name}.yml" for name in ("deploy", "drift", "pull-request")]
    assert document["files"] == document["written"] == names
    assert document["environments"] == ["dev", "dev-preview"]
    assert list(document["variables"]["aws"]) == ["AWS_ROLE_ARN", "MLDEPLOY_STATE_AWS", "MLDEPLOY_SECRETS_PROVIDER_AWS"]
    text = written(folder, "deploy").read_text()
    assert 'MLDEPLOY_FILE: "models/digits/mldeploy.yaml"' in text
    assert 'aws-region: "eu-central-1"' in text
    assert 'allowed-account-ids: "123456789012"' in text


def test_a_second_run_keeps_what_is_outside_the_blocks(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ci", "github"]) == 0
    file = written(folder, "deploy")
    file.write_text("# ours\n" + file.read_text().replace("eu-central-1", "mars-1") + "  mine:\n    runs-on: x\n")
    capsys.readouterr()
    code, document = asked(capsys, "github", "--check")
    assert (code, document["stale"]) == (1, [_name(file)])
    assert asked(capsys, "github")[1]["written"] == [_name(file)]
    text = file.read_text()
    assert text.startswith("# ours\n")
    assert text.endswith("  mine:\n    runs-on: x\n")
    assert "mars-1" not in text
    assert asked(capsys, "github", "--check")[0] == 0


def _name(file: Path) -> str:
    return f".github/workflows/{file.name}"


def test_secrets_of_the_spec_are_given_to_the_deployment_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = "secrets: {A: 'env:TOKEN', B: 'env:TOKEN', C: 'aws-sm:c'}\n"
    (folder / "mldeploy.yaml").write_text(SPEC + AWS + secrets)
    assert main(["-q", "ci", "github", "--environments"]) == 0
    given = (
        "        run: mldeploy up --yes\n        env:\n          TOKEN: ${{ secrets.TOKEN }}\n      - name: Say where it is\n"
    )
    assert given in written(folder, "deploy").read_text()
    counted = {
        name: written(folder, name).read_text().count("secrets.") for name in ("deploy", "drift", "pull-request", "environment")
    }
    assert counted == {"deploy": 1, "drift": 0, "pull-request": 0, "environment": 1}
    assert "up --cloud local" not in written(folder, "pull-request").read_text()  # the runner has no secrets to serve it with


def test_check_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "github", "--check")[0] == 1
    assert not written(folder, "deploy").exists()


def test_state_that_the_spec_names_is_written_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = "state:\n  backend: s3://states\n  secrets_provider: awskms://alias/digits\n"
    (folder / "mldeploy.yaml").write_text(SPEC + AWS + state)
    assert list(asked(capsys, "github")[1]["variables"]["aws"]) == ["AWS_ROLE_ARN"]
    text = written(folder, "deploy").read_text()
    assert 'PULUMI_BACKEND_URL: "s3://states"' in text
    assert 'MLDEPLOY_SECRETS_PROVIDER: "awskms://alias/digits"' in text


@pytest.mark.parametrize(
    ("more", "args", "said"),
    [
        (AWS + "state: {backend: 'file://states'}\n", (), "keeps its state at file://states, which ends with the job"),
        (AWS + "state: {backend: 'https://api.pulumi.com'}\n", (), "needs a long-lived token"),
        (AWS + "state: {secrets_provider: passphrase}\n", (), "a passphrase, which is a long-lived secret"),
        ("", (), "names no cloud to deploy to"),
        (AWS, ("--cloud", "local"), "local has no sign-in from a workflow"),
        (AWS, ("--cloud", "awz"), "there is no provider 'awz'"),
        (AWS, ("--branch", "${{ github.token }}"), "cannot stand in a workflow"),
        (AWS, ("--on-main", "prd"), "has no stage 'prd'"),
    ],
)
def test_what_no_workflow_can_do_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], more: str, args: tuple[str, ...], said: str
) -> None:
    (folder / "mldeploy.yaml").write_text(SPEC + more)
    assert main(["-q", "ci", "github", *args]) in (2, 3)
    assert said in " ".join(capsys.readouterr().err.split())
    assert not written(folder, "deploy").exists()


def test_outside_of_a_repository_there_is_nothing_to_write_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.parents[1] / ".git").rmdir()
    assert main(["-q", "ci", "github"]) == 2
    assert "is in no git repository" in capsys.readouterr().err


def test_every_cloud_that_is_priced_can_be_signed_in_to_without_a_key(folder: Path) -> None:
    loaded = load(folder / "mldeploy.yaml", settings_models=registry.settings_models())
    clouds = [provider for name in registry.names() if isinstance(provider := registry.get(name), Keyless)]
    assert {cloud.name for cloud in clouds} >= {"aws", "azure", "gcp"}
    for cloud in clouds:
        login = cloud.login(loaded)
        assert len(login.action.sha) == 40
        named = {
            part for value in [*login.inputs.values(), *login.environment.values()] for part in value.split() if "vars." in part
        }
        assert {name.removeprefix("vars.") for name in named} == set(login.variables), cloud.name


def test_a_stage_of_its_own_is_like_the_one_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mldeploy.yaml").write_text(SPEC + AWS + "stages:\n  preview:\n    env: {SIZE: small}\n")
    code, document = asked(capsys, "stage", "pr-12", "--like", "preview")
    assert code == 0
    copy = load(folder / "mldeploy.pr-12.yaml", "pr-12", settings_models=registry.settings_models())
    assert document["file"] == str(folder / "mldeploy.pr-12.yaml")
    assert copy.spec.env == {"SIZE": "small"}
    assert copy.spec.name == "digits"
    assert main(["-q", "ci", "stage", "pr-13", "--like", "none"]) == 0
    assert load(folder / "mldeploy.pr-13.yaml", "pr-13", settings_models=registry.settings_models()).spec.env == {}


@pytest.mark.parametrize(("name", "said"), [("preview", "already has a stage"), ("../x", "is no name for a stage")])
def test_a_stage_that_is_there_or_is_no_name_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    (folder / "mldeploy.yaml").write_text(SPEC + "stages:\n  preview: {}\n")
    assert main(["-q", "ci", "stage", name]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in folder.glob("*.yaml")) == ["mldeploy.yaml"]


def test_a_report_of_what_is_no_document_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "aws.preview.json").write_text("[1]")
    assert main(["ci", "report", "--model", "digits", "--expect", "aws", str(tmp_path)]) == 2
    assert "is no document of mldeploy's" in capsys.readouterr().err


def test_the_environment_says_what_encrypts_where_the_spec_does_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(folder / "mldeploy.yaml", settings_models=registry.settings_models())
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://states")
    monkeypatch.setenv("MLDEPLOY_SECRETS_PROVIDER", "awskms://alias/digits")
    assert backend.choose(loaded, None) == backend.Backend("s3://states", "awskms://alias/digits", "")
    state = "state: {secrets_provider: 'awskms://alias/own'}\n"
    (folder / "mldeploy.yaml").write_text(SPEC + AWS + state)
    loaded = load(folder / "mldeploy.yaml", settings_models=registry.settings_models())
    assert backend.choose(loaded, None).secrets_provider == "awskms://alias/own"
