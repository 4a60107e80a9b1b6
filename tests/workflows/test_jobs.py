"""The jobs run, step by step, under act: what they call, with which environment, and what they refuse.

act may lose what a short step prints, so nothing here depends on it: the stand-ins' own record counts, act's own lines, and for
a message the step's script, run by itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mldeploy.ci.pins import ACTIONS

if TYPE_CHECKING:
    from conftest import Repository

ROOT = Path(__file__).parents[2]
PUSH = {"ref": "refs/heads/main", "repository": {"full_name": "ada/digits", "default_branch": "main"}}
VARS = {
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deployer",
    "MLDEPLOY_STATE_AWS": "s3://states",
    "MLDEPLOY_SECRETS_PROVIDER_AWS": "awskms://alias/mldeploy",
}


def pull_request(action: str = "synchronize", repository: str = "ada/digits") -> dict[str, Any]:
    pull = {"number": 12, "head": {"repo": {"full_name": repository}}, "base": {"sha": "main", "ref": "main"}}
    return {"action": action, "number": 12, "pull_request": pull, "repository": PUSH["repository"]}


@pytest.fixture
def aws(repository: Repository) -> Repository:
    assert repository.write("--cloud", "aws", "--environments") == 0
    repository.vars = dict(VARS)
    return repository


def verbs(repository: Repository) -> list[str]:
    return [" ".join(call["args"]) for call in repository.calls()]


def test_a_pull_request_is_checked_for_real(aws: Repository) -> None:
    done = aws.act("mldeploy-digits.pull-request.yml", "check", "push", PUSH, is_real=True)
    assert done.returncode == 0, done.stdout
    for step in ("Validate", "Serve it here and ask the smoke requests"):
        assert f"Success - Main {step} " in done.stdout
    assert (aws.state / "mldeploy" / "bundles").is_dir()
    assert not list((aws.state / "mldeploy" / "local").glob("digits*"))


def test_a_smoke_request_with_a_wrong_answer_fails_it(aws: Repository) -> None:
    file = aws.folder / "mldeploy.yaml"
    file.write_text(file.read_text().replace('label: "9"', 'label: "3"'))
    done = aws.act("mldeploy-digits.pull-request.yml", "check", "push", PUSH, is_real=True)
    assert done.returncode != 0
    assert "exit status 5" in done.stdout


def test_main_deploys_and_says_where(aws: Repository) -> None:
    done = aws.act("mldeploy-digits.deploy.yml", "staging-aws", "push", PUSH)
    assert done.returncode == 0, done.stdout
    assert verbs(aws) == ["doctor --install --cloud local --quiet", "up --yes", "outputs url"]
    environment = aws.calls()[1]["environment"]
    assert environment["MLDEPLOY_FILE"] == "mldeploy.yaml"
    assert (environment["MLDEPLOY_CLOUD"], environment["MLDEPLOY_ENV"]) == ("aws", "staging")
    assert environment["PULUMI_BACKEND_URL"] == "s3://states"
    assert environment["MLDEPLOY_SECRETS_PROVIDER"] == "awskms://alias/mldeploy"
    assert "::set-output:: url=https://digits.example.com" in done.stdout


def test_a_push_to_main_leaves_production_alone(aws: Repository) -> None:
    assert aws.act("mldeploy-digits.deploy.yml", "prod-aws", "push", PUSH).returncode == 0
    assert verbs(aws) == []


@pytest.mark.parametrize("missing", list(VARS))
def test_a_variable_that_is_not_set_stops_it_before_anything_is_called(aws: Repository, missing: str) -> None:
    del aws.vars[missing]
    done = aws.act("mldeploy-digits.deploy.yml", "staging-aws", "push", PUSH)
    assert done.returncode != 0
    assert "Failure - Main See that the variables are set" in done.stdout
    assert verbs(aws) == []


def test_every_variable_that_is_not_set_is_named(aws: Repository) -> None:
    values = {f"CHECK_{name}": "" if "STATE" in name or "ROLE" in name else value for name, value in VARS.items()}
    done = aws.script("mldeploy-digits.deploy.yml", "staging-aws", "See that the variables are set", values)
    assert done.returncode == 1
    assert [line.split()[3] for line in done.stdout.splitlines()] == ["AWS_ROLE_ARN", "MLDEPLOY_STATE_AWS"]
    assert (
        aws.script(
            "mldeploy-digits.deploy.yml", "staging-aws", "See that the variables are set", dict.fromkeys(values, "x")
        ).stdout
        == ""
    )


def test_a_pull_request_is_built_once_for_each_side_and_previewed(aws: Repository) -> None:
    name = "mldeploy-digits.pull-request.yml"
    for job in ("image-aws", "preview-aws"):
        done = aws.act(name, job, "pull_request", pull_request())
        assert done.returncode == 0, done.stdout
    called = verbs(aws)
    assert "build --json" in called
    assert "build --file .mldeploy-base/mldeploy.yaml --json" in called
    assert "preview --json" in called
    assert "preview --offline --file .mldeploy-base/mldeploy.yaml --json" in called
    saved = [call["args"] for call in aws.calls("docker") if "save" in call["args"]]
    assert saved[0] == ["save", "--output", ".mldeploy-ci/images.tar", "digits:a", "digits:b"]


def test_a_stranger_gets_no_credentials(aws: Repository) -> None:
    done = aws.act("mldeploy-digits.pull-request.yml", "preview-aws", "pull_request", pull_request(repository="eve/digits"))
    assert done.returncode == 0
    assert not any("preview" in call or "doctor" in call for call in verbs(aws))


@pytest.mark.parametrize(
    ("existing", "method", "path"), [("", "POST", "issues/12/comments"), ("99", "PATCH", "issues/comments/99")]
)
def test_one_comment_is_kept_up_to_date(aws: Repository, existing: str, method: str, path: str) -> None:
    (aws.state / "comment").write_text(existing)
    done = aws.act("mldeploy-digits.pull-request.yml", "comment", "pull_request", pull_request())
    assert done.returncode == 0, done.stdout
    *_, last = aws.calls("gh")
    assert last["args"][:5] == ["api", "--silent", "--method", method, f"repos/ada/digits/{path}"]
    assert last["args"][5:] == ["--field", "body=@comment.md"]
    assert last["body"].startswith("<!-- mldeploy: digits -->\n### `digits`\n")
    assert "| `aws` | unknown |" in last["body"]  # the artifacts' stand-in hands nothing over


def test_drift_is_told_and_fails(aws: Repository) -> None:
    done = aws.act("mldeploy-digits.drift.yml", "prod-aws", "workflow_dispatch", PUSH)
    assert done.returncode != 0
    assert "Failure - Main Compare the record with the cloud" in done.stdout
    assert verbs(aws) == ["doctor --install --cloud local --quiet", "status --json", "refresh --json"]


@pytest.mark.parametrize(
    ("answers", "code", "told"),
    [
        ({}, 1, "- update function `digits`\n::error::the cloud differs"),
        ({"STANDIN_DRIFT": "none"}, 0, ""),
        ({"STANDIN_STATE": "absent"}, 0, ""),
    ],
)
def test_what_drifted_is_told(aws: Repository, answers: dict[str, str], code: int, told: str) -> None:
    summary = aws.state / "summary"
    values = {**answers, "GITHUB_STEP_SUMMARY": str(summary)}
    done = aws.script("mldeploy-digits.drift.yml", "prod-aws", "Compare the record with the cloud", values)
    assert done.returncode == code, done.stderr
    assert done.stdout.startswith(told)
    assert done.stdout if told else not done.stdout
    assert summary.read_text().startswith("- update" if told else "nothing is deployed" if "STANDIN_STATE" in answers else "")


def test_a_pull_request_has_a_stage_of_its_own_until_it_is_closed(aws: Repository) -> None:
    name = "mldeploy-digits.environment.yml"
    done = aws.act(name, "up-aws", "pull_request", pull_request())
    assert done.returncode == 0, done.stdout
    assert "up --yes --file mldeploy.pr-12.yaml --stage pr-12" in verbs(aws)
    assert not any(call.startswith("destroy") for call in verbs(aws))
    done = aws.act(name, "down-aws", "pull_request", pull_request("closed"))
    assert done.returncode == 0, done.stdout
    assert verbs(aws)[-1] == "destroy --yes --name digits --stage pr-12"


def test_the_sweep_destroys_what_closed_ones_left(aws: Repository) -> None:
    done = aws.act("mldeploy-digits.environment.yml", "sweep-aws", "schedule", PUSH)
    assert done.returncode == 0, done.stdout
    assert verbs(aws)[1:] == [f"destroy --yes --name digits --stage pr-{number}" for number in (7, 12)]


def test_the_action_deploys_for_real_and_tells_its_outputs(repository: Repository) -> None:
    shutil.copy(ROOT / "action.yml", repository.folder / "action.yml")
    given = {"cloud": "local", "stage": "dev", "install": "none"}
    checkout = {"uses": f"actions/checkout@{ACTIONS['actions/checkout'].sha}"}
    steps: list[dict[str, Any]] = [
        checkout,
        {"uses": "./", "id": "up", "with": given},
        {"run": 'case "$URL" in http://127.0.0.1:*) ;; *) exit 1 ;; esac', "env": {"URL": "${{ steps.up.outputs.url }}"}},
        {"uses": "./", "with": {**given, "command": "destroy"}},
    ]
    job = {"runs-on": "ubuntu-24.04", "steps": steps}
    (repository.folder / ".github" / "workflows").mkdir(parents=True)
    workflow = {"on": "push", "jobs": {"use": job}}
    (repository.folder / ".github" / "workflows" / "use.yml").write_text(yaml.safe_dump(workflow))
    done = repository.act("use.yml", "use", "push", PUSH, is_real=True)
    assert done.returncode == 0, done.stdout
    assert "::set-output:: url=http://127.0.0.1:" in done.stdout
    assert "::set-output:: cost=0.00" in done.stdout
    assert not list((repository.state / "mldeploy" / "local").glob("digits*"))
    steps[1] = {"uses": "./", "with": {**given, "command": "up; rm -rf /"}}
    (repository.folder / ".github" / "workflows" / "use.yml").write_text(yaml.safe_dump(workflow))
    done = repository.act("use.yml", "use", "push", PUSH, is_real=True)
    assert done.returncode != 0
    assert "exit status 2" in done.stdout
