"""What is written passes GitHub's schema, actionlint and zizmor, and keeps the rules that no tool knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from conftest import Repository

ROOT = Path(__file__).parents[2]

LONG_LIVED = re.compile(
    r"secrets\.|AWS_ACCESS_KEY_ID|AWS_SECRET|CLIENT_SECRET|credentials_json|creds:|PULUMI_ACCESS_TOKEN|PASSPHRASE"
)
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
WRITES = {"id-token", "pull-requests"}  # what a job may ever write


@pytest.fixture
def written(repository: Repository) -> list[Path]:
    assert repository.write("--environments") == 0
    assert len(repository.workflows) == 4
    return repository.workflows


def jobs(files: list[Path]) -> dict[str, dict[str, Any]]:
    return {f"{f.name}:{name}": job for f in files for name, job in yaml.safe_load(f.read_text())["jobs"].items()}


def test_the_schema_actionlint_and_zizmor_find_nothing(repository: Repository, written: list[Path]) -> None:
    names = [str(file) for file in written]
    schema = repository.tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *names)
    assert schema.returncode == 0, schema.stdout
    lint = repository.tool("actionlint", "-no-color", *names)
    assert (lint.returncode, lint.stdout) == (0, "")
    security = repository.tool("zizmor", "--offline", "--no-progress", *names)
    assert security.returncode == 0, security.stdout


def test_the_tools_would_find_something(repository: Repository, written: list[Path]) -> None:
    deploy = next(file for file in written if "deploy" in file.name)
    deploy.write_text(
        deploy.read_text().replace("run: mldeploy up --yes", "run: mldeploy up --yes ${{ github.event.head_commit.message }}")
    )
    assert "template-injection" in repository.tool("zizmor", "--offline", "--no-progress", str(deploy)).stdout
    assert repository.tool("actionlint", "-no-color", str(deploy)).returncode == 1


def test_the_action_passes_them_too(repository: Repository) -> None:
    assert (
        repository.tool("check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")).returncode
        == 0
    )
    security = repository.tool("zizmor", "--offline", "--no-progress", str(ROOT / "action.yml"))
    assert security.returncode == 0, security.stdout


def test_no_key_lives_long_and_every_action_is_pinned(written: list[Path]) -> None:
    for file in written:
        for line in file.read_text().splitlines():
            assert not LONG_LIVED.search(line), f"{file.name}: {line}"
            assert "uses:" not in line or PINNED.search(line), f"{file.name}: {line}"


def test_permissions_are_as_few_as_the_job_needs(written: list[Path]) -> None:
    for file in written:
        assert yaml.safe_load(file.read_text())["permissions"] == {}
    for name, job in jobs(written).items():
        granted = job["permissions"]
        assert {key for key, value in granted.items() if value == "write"} <= WRITES, name
        assert set(granted.values()) <= {"read", "write"}, name
        does_sign_in = any("Sign in" in step["name"] for step in job["steps"])
        assert does_sign_in == (granted.get("id-token") == "write"), name
        assert does_sign_in == ("environment" in job), name


def test_a_job_that_signs_in_says_where_state_is_and_runs_no_code_of_a_stranger(written: list[Path]) -> None:
    signing = {name: job for name, job in jobs(written).items() if "id-token" in job["permissions"]}
    assert len(signing) == 3 + 6 + 6 + 9
    for name, job in signing.items():
        cloud = name.rpartition("-")[2].upper()
        assert job["env"]["PULUMI_BACKEND_URL"] == f"${{{{ vars.MLDEPLOY_STATE_{cloud} }}}}", name
        assert job["env"]["MLDEPLOY_SECRETS_PROVIDER"] == f"${{{{ vars.MLDEPLOY_SECRETS_PROVIDER_{cloud} }}}}", name
        if "pull_request" in job.get("if", ""):
            assert "head.repo.full_name == github.repository" in job["if"], name


def test_two_never_deploy_one_stage_at_once(written: list[Path]) -> None:
    groups: dict[str, set[str]] = {}
    for name, job in jobs(written).items():
        if "id-token" not in job["permissions"] or "preview" in name or "sweep" in name:
            continue
        assert job["concurrency"]["cancel-in-progress"] is False, name
        groups.setdefault(job["concurrency"]["group"], set()).add(name.partition(":")[2])
    assert "mldeploy-digits-prod-aws" in groups
    assert len(groups) == 6 + 3  # a stage on a cloud; a pull request on a cloud
    assert groups["mldeploy-digits-pr-${{ github.event.pull_request.number }}-aws"] == {"up-aws", "down-aws"}


def test_main_deploys_the_first_stage_and_a_tag_the_last(written: list[Path]) -> None:
    found = jobs(written)
    deploy = "mldeploy-digits.deploy.yml"
    assert "refs/heads/main" in found[f"{deploy}:staging-aws"]["if"]
    assert "'tag'" not in found[f"{deploy}:staging-aws"]["if"]
    assert "'tag'" in found[f"{deploy}:prod-aws"]["if"]
    assert "refs/heads/main" not in found[f"{deploy}:prod-aws"]["if"]
    assert {name.partition(":")[2].partition("-")[0] for name in found if name.startswith(deploy)} == {"staging", "prod"}
