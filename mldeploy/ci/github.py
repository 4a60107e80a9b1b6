"""The GitHub workflows of a Pipeline. One job a cloud and stage, so that each has its own sign-in, environment and lock.

mldeploy-<model>.pull-request.yml   check ─▶ image-<cloud>, preview-<cloud> ─▶ comment
mldeploy-<model>.deploy.yml         <stage>-<cloud>
mldeploy-<model>.drift.yml          <stage>-<cloud>, nightly
mldeploy-<model>.environment.yml    up-, down-, sweep-<cloud>: one deployment for each pull request; when asked for
"""

from __future__ import annotations

from collections.abc import Iterable

from mldeploy.ci.blocks import Block
from mldeploy.ci.contract import variable
from mldeploy.ci.pipeline import PULL_REQUEST, Pipeline, Target
from mldeploy.ci.template import fill, mapping, scalar

FOLDER = ".github/workflows"


def workflows(pipeline: Pipeline, *, has_environments: bool) -> dict[str, tuple[Block, ...]]:
    """Each file's path in the repository, and its blocks."""
    stem = f"{FOLDER}/mldeploy-{pipeline.model}"
    files = {
        f"{stem}.pull-request.yml": _file("head-pull-request", pipeline, _pull_request(pipeline)),
        f"{stem}.deploy.yml": _file("head-deploy", pipeline, _deploy(pipeline)),
        f"{stem}.drift.yml": _file("head-drift", pipeline, _drift(pipeline)),
    }
    if has_environments:
        files[f"{stem}.environment.yml"] = _file("head-environment", pipeline, _environment(pipeline))
    return files


def _file(head: str, pipeline: Pipeline, jobs: Iterable[str]) -> tuple[Block, ...]:
    values = {
        "model": pipeline.model,
        "branch": scalar(pipeline.branch),
        "tags": scalar(pipeline.tags),
        "stages": ", ".join(pipeline.stages),
    }
    return Block("head", fill(head, values)), Block("jobs", "\n\n".join(jobs), "\njobs:\n", 2)


def _pull_request(pipeline: Pipeline) -> list[str]:
    targets = pipeline.of(pipeline.on_main)
    plain = {"MLDEPLOY_INSTALL": pipeline.install, "MLDEPLOY_FILE": pipeline.file, "MLDEPLOY_ENV": pipeline.on_main}
    serve = fill("serve", {}) if pipeline.is_served_on_runner else ""
    jobs = [fill("check", {**_common(pipeline), "environment": mapping(plain), "serve": serve})]
    for target in targets:
        values = {**_common(pipeline), "cloud": target.cloud, "title": target.title}
        building = {**plain, "MLDEPLOY_INSTALL": target.install, "MLDEPLOY_CLOUD": target.cloud}
        jobs.append(fill("image", {**values, "environment": mapping(building)}))
        jobs.append(fill("preview", _values(pipeline, target)))
    needs = ["check", *(f"{job}-{target.cloud}" for target in targets for job in ("image", "preview"))]
    clouds = " ".join(f"--expect {target.cloud}" for target in targets)
    values = {**_common(pipeline), "needs": ", ".join(needs), "clouds": clouds, "install_plain": scalar(pipeline.install)}
    return [*jobs, fill("comment", values)]


def _deploy(pipeline: Pipeline) -> list[str]:
    return [
        fill("deploy", {**_values(pipeline, target), "condition": _condition(pipeline, target.stage)})
        for target in pipeline.targets
    ]


def _condition(pipeline: Pipeline, stage: str) -> str:
    """When a stage is deployed, as one expression."""
    by_push = []
    if stage == pipeline.on_main:
        by_push.append(f"github.ref == 'refs/heads/{pipeline.branch}'")
    if stage == pipeline.on_tag:
        by_push.append("github.ref_type == 'tag'")
    asked = f"github.event_name == 'workflow_dispatch' && inputs.stage == '{stage}'"
    if not by_push:
        return asked
    return f"({asked}) || (github.event_name == 'push' && ({' || '.join(by_push)}))"


def _drift(pipeline: Pipeline) -> list[str]:
    return [fill("drift", _values(pipeline, target)) for target in pipeline.targets]


def _environment(pipeline: Pipeline) -> list[str]:
    jobs = []
    for target in pipeline.of(pipeline.on_main):
        values = _values(pipeline, target)
        environment = _job_environment(pipeline, target)
        without_spec = {key: value for key, value in environment.items() if key not in ("MLDEPLOY_FILE", "MLDEPLOY_ENV")}
        with_spec = {key: value for key, value in environment.items() if key != "MLDEPLOY_ENV"}
        values |= {"environment": mapping(with_spec), "environment_plain": mapping(without_spec)}
        jobs.append(fill("environment", values))
    return jobs


def _common(pipeline: Pipeline) -> dict[str, str]:
    return {
        "model": pipeline.model,
        "runner": pipeline.runner,
        "checkout": fill("checkout", {}),
        "checkout_base": fill("checkout-base", {}),
        "install": fill("install", {}),
        "pull_request_environment": PULL_REQUEST,
    }


def _values(pipeline: Pipeline, target: Target) -> dict[str, str]:
    """What the templates of a job that signs in take."""
    return {
        **_common(pipeline),
        "cloud": target.cloud,
        "title": target.title,
        "stage": target.stage,
        "preview_environment": target.reading,
        "environment": mapping(_job_environment(pipeline, target)),
        "sign_in": _sign_in(target),
        "secrets": _secrets(target),
    }


def _job_environment(pipeline: Pipeline, target: Target) -> dict[str, str]:
    return {
        "MLDEPLOY_INSTALL": target.install,
        "MLDEPLOY_FILE": pipeline.file,
        "MLDEPLOY_CLOUD": target.cloud,
        "MLDEPLOY_ENV": target.stage,
        "PULUMI_BACKEND_URL": target.backend or variable(target.backend_variable),
        "MLDEPLOY_SECRETS_PROVIDER": target.key or variable(target.key_variable),
        **target.login.environment,
    }


def _secrets(target: Target) -> str:
    """The values of `env:` references, for one step."""
    if not target.secrets:
        return ""
    return "env:\n" + "\n".join(f"  {name}: ${{{{ secrets.{name} }}}}" for name in target.secrets)


def _sign_in(target: Target) -> str:
    needed = tuple(target.variables)
    return fill(
        "sign-in",
        {
            "title": target.title,
            "variables": " ".join(f"CHECK_{name}" for name in needed),
            "checked": mapping({f"CHECK_{name}": variable(name) for name in needed}),
            "login": target.login.action.uses,
            "inputs": mapping(target.login.inputs),
        },
    )
