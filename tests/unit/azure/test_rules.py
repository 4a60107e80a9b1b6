"""What a spec may not say for Azure: each rule, all at once, with its fix."""

from __future__ import annotations

from pathlib import Path

import azure_programs as ap
import pytest

from mldeploy import validate
from mldeploy.providers.azure import timer
from mldeploy.providers.azure.provider import provider


def _azure(text: str) -> str:
    return f"clouds: {{azure: {{{text}}}}}\n"


_INPUTS = "inputs: 1"
BAD = [
    (_azure("plan: flex"), "clouds.azure.plan", "runs no container image", "container_apps"),
    (_azure("plan: consumption"), "clouds.azure.plan", "runs no container image", "premium"),
    ("resources: {architecture: arm64}\n", "resources.architecture", "x86_64", "x86_64"),
    ("resources: {memory_mb: 600}\n", "resources.memory_mb", "steps of 512", "write 1024"),
    ("resources: {memory_mb: 9000}\n", "resources.memory_mb", "above Azure Functions's 8192", "lower it"),
    ("resources: {memory_mb: 1024}\n" + _azure("cpu: 2"), "clouds.azure.cpu", "do not go with 1024 MB", "0.5"),
    (_azure("cpu: 0.3"), "clouds.azure.cpu", "not one of", "write one of"),
    (_azure("plan: premium, cpu: 1"), "clouds.azure.cpu", "premium_size", "delete it"),
    ("resources: {memory_mb: 4096}\n" + _azure("plan: premium"), "resources.memory_mb", "do not fit EP1", "premium_size: EP2"),
    (_azure("premium_size: EP2"), "clouds.azure.premium_size", "belongs to plan: premium", "premium"),
    (_azure("zone_redundant: true"), "clouds.azure.zone_redundant", "belongs to plan: premium", "premium"),
    ("resources: {min_instances: 0}\n" + _azure("plan: premium"), "resources.min_instances", "always keeps one", "write 1"),
    (
        "resources: {min_instances: 1}\n" + _azure("plan: premium, zone_redundant: true"),
        "resources.min_instances",
        "3 instances",
        "write 3",
    ),
    (
        "resources: {max_instances: 200}\n" + _azure("plan: premium"),
        "resources.max_instances",
        "above an Elastic Premium",
        "container_apps",
    ),
    ("resources: {max_instances: 1001}\n", "resources.max_instances", "above", "1000"),
    (
        "resources: {max_instances: 2}\n" + _azure("plan: premium, zone_redundant: true"),
        "resources.max_instances",
        "less than the 3",
        "raise",
    ),
    ("resources: {timeout_s: 240}\n", "resources.timeout_s", "above Azure Functions's 230 s", "lower it"),
    ("resources: {ephemeral_mb: 5000}\n", "resources.ephemeral_mb", "more than the 4096 MB", "raise memory_mb"),
    (_azure("port: 80"), "clouds.azure.port", "only root", "run_as_root"),
    (_azure("max_body_mb: 200"), "clouds.azure.max_body_mb", "above", "100"),
    (_azure("log_retention_days: 7"), "clouds.azure.log_retention_days", "below", "30"),
    (_azure("private: internal"), "clouds.azure.private", "reachable by nobody", "subnet"),
    (_azure("private: entra, client_id: " + ap.CLIENT), "clouds.azure.private", "needs clouds.azure.tenant", "registration"),
    (
        _azure(f"plan: premium, subnet: {ap.SUBNET}"),
        "clouds.azure.subnet",
        "belongs to plan: container_apps",
        "private endpoint",
    ),
    (
        "access: key\nsecrets: {MLDEPLOY_API_KEY: env:K}\n" + _azure("plan: premium"),
        "secrets.MLDEPLOY_API_KEY",
        "keys of its own",
        "delete it",
    ),
    ("secrets: {A: 'arn:aws:secretsmanager:x'}\n", "secrets.A", "cannot resolve", "vault.azure.net"),
    ("secrets: {A_: env:A}\n", "secrets.A_", "begins and ends", "choose"),
    ("env: {WEBSITES_PORT: '1'}\n", "env.WEBSITES_PORT", "belongs to the Functions platform", "another name"),
    ("tags: {stage: x}\n", "tags.stage", "mldeploy's own", "another name"),
    ("tags: {'a/b': x}\n", "tags.a/b", "none of", "another name"),
    (
        _azure(f"schedule: {{cron: '0 6 * * *', timezone: Europe/Berlin, {_INPUTS}}}"),
        "clouds.azure.schedule.timezone",
        "UTC",
        "UTC",
    ),
    (_azure(f"schedule: {{cron: '0 6 * * 7', {_INPUTS}}}"), "clouds.azure.schedule.cron", "from 0 (Sunday)", "write 0"),
    (_azure(f"schedule: {{cron: '0 6 1 * 1', {_INPUTS}}}"), "clouds.azure.schedule.cron", "only where both hold", "leave one"),
    (_azure(f"schedule: {{cron: '61 6 * * *', {_INPUTS}}}"), "clouds.azure.schedule.cron", "is no minute", "0 to 59"),
    (
        "resources: {min_instances: 0}\n" + _azure(f"schedule: {{cron: '0 6 * * *', {_INPUTS}}}"),
        "resources.min_instances",
        "schedule needs",
        "write 1",
    ),
]


@pytest.mark.parametrize(("text", "key", "message", "fix"), BAD, ids=[f"{each[1]} {each[2][:20]}" for each in BAD])
def test_each_rule_names_key_reason_and_fix(tmp_path: Path, text: str, key: str, message: str, fix: str) -> None:
    (problem,) = validate.validate(ap.load(tmp_path, text), provider)
    assert problem.path == key
    assert message in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize("name", ap.SPECS)
def test_good_specs_break_no_rule(tmp_path: Path, name: str) -> None:
    assert validate.validate(ap.load(tmp_path, ap.SPECS[name]), provider) == ()


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    text = "resources: {architecture: arm64, memory_mb: 600, timeout_s: 900}\ntags: {model: x}\n" + _azure(
        "plan: flex, port: 80"
    )
    found = validate.validate(ap.load(tmp_path, text), provider)
    assert [problem.path for problem in found] == [
        "resources.architecture",
        "resources.memory_mb",
        "resources.timeout_s",
        "tags.model",
        "clouds.azure.plan",
        "clouds.azure.port",
    ]


@pytest.mark.parametrize("cron", ["0 6 * * *", "*/5 * * * 1-5", "0,30 8-18/2 * jan-mar MON", "15 3 1 * *"])
def test_what_both_read_alike_passes(cron: str) -> None:
    assert timer.fault(cron) is None
    assert timer.ncrontab(cron) == f"0 {cron}"


@pytest.mark.parametrize(
    "cron", ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "*/0 * * * *", "5-1 * * * *", "x * * * *"]
)
def test_what_is_no_time_is_refused(cron: str) -> None:
    assert timer.fault(cron) is not None
