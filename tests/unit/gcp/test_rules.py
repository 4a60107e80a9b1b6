"""What is refused before anything is built, and with what words."""

from __future__ import annotations

from pathlib import Path

import pytest
from gcp_specs import load

from mldeploy import validate
from mldeploy.providers.gcp.provider import provider

CASES = {
    "clouds: {gcp: {cpu: 3}}": ("clouds.gcp.cpu", "has no instance of 3 vCPUs", "1, 2, 4, 6, 8"),
    "clouds: {gcp: {cpu: 16}}": ("clouds.gcp.cpu", "16 is above Google Cloud Run's 8", "lower it to 8"),
    "resources: {memory_mb: 8192}\nclouds: {gcp: {cpu: 1}}": ("clouds.gcp.cpu", "8192 MiB do not go with 1 vCPUs", "cpu: 2"),
    "resources: {memory_mb: 1024}\nclouds: {gcp: {cpu: 4}}": ("clouds.gcp.cpu", "take 2048 to 16384 MiB", "cpu: 1"),
    "resources: {memory_mb: 1000}\nclouds: {gcp: {cpu: 0.25}}": ("clouds.gcp.cpu", "take 128 to 512 MiB", "leave cpu out"),
    "resources: {memory_mb: 40000}": ("resources.memory_mb", "40000 is above", "lower it to 32768"),
    "resources: {memory_mb: 64}": ("resources.memory_mb", "64 is below", "raise it to 128"),
    "resources: {timeout_s: 3601}": ("resources.timeout_s", "3601 is above", "3600"),
    "resources: {concurrency: 1001}": ("resources.concurrency", "1001 is above", "1000"),
    "resources: {architecture: arm64}": ("resources.architecture", "arm64 is not one of", "x86_64"),
    "resources: {concurrency: 2, memory_mb: 256}\nclouds: {gcp: {cpu: 0.5}}": (
        "resources.concurrency",
        "works on one request at a time, not on 2",
        "concurrency: 1",
    ),
    "resources: {memory_mb: 256}\nclouds: {gcp: {cpu_always_on: true}}": ("clouds.gcp.cpu_always_on", "512 MiB", "raise both"),
    "resources: {memory_mb: 256}\nclouds: {gcp: {execution_environment: gen2}}": (
        "clouds.gcp.execution_environment",
        "gen2 needs at least 1 vCPU and 512 MiB",
        "gen1",
    ),
    "resources: {memory_mb: 512, ephemeral_mb: 512}": ("resources.ephemeral_mb", "is part of the memory", "memory_mb"),
    "env: {PORT: '80'}": ("env.PORT", "is set by Cloud Run itself", "another name"),
    "env: {K_SERVICE: x}": ("env.K_SERVICE", "is set by Cloud Run itself", "another name"),
    "secrets: {K_REVISION: env:X}": ("secrets.K_REVISION", "is set by Cloud Run itself", "another name"),
    f"env: {{BIG: {'x' * 32769}}}": ("env.BIG", "longer than 32768 bytes", "a file"),
    "secrets: {A: 'vault:thing'}": ("secrets.A", "cannot resolve", "secretmanager:NAME"),
    "secrets: {A: 'secretmanager:no/such/form'}": ("secrets.A", "cannot resolve", "projects/P/secrets/NAME"),
    "tags: {Team: x}": ("tags.Team", "is no label", "lower-case"),
    "tags: {team: A b}": ("tags.team", "is no label", "lower-case"),
    "tags: {goog-x: a}": ("tags.goog-x", "is no label", "'goog'"),
    "tags: {model: x}": ("tags.model", "is mldeploy's own", "another name"),
    "access: public\nclouds: {gcp: {invokers: ['user:a@b.c']}}": ("clouds.gcp.invokers", "means nothing", "private"),
    "access: public\nclouds: {gcp: {trigger: {bucket: photos}}}": ("clouds.gcp.trigger", "could feign an event", "private"),
    "access: key\nclouds: {gcp: {schedule: {cron: '0 6 * * *', inputs: 1}}}": (
        "clouds.gcp.schedule",
        "hold the key",
        "private",
    ),
    "clouds: {gcp: {trigger: {bucket: photos, prefix: results/new/}}}": (
        "clouds.gcp.trigger.prefix",
        "counts as an answer",
        "results_prefix",
    ),
    "clouds: {gcp: {trigger: {bucket: photos, prefix: a/, results_bucket: photos, results_prefix: a/}}}": (
        "clouds.gcp.trigger.prefix",
        "counts as an answer",
        "results_bucket",
    ),
    "clouds: {gcp: {schedule: {cron: '0 6 * * *', timezone: Mars/North, inputs: 1}}}": (
        "clouds.gcp.schedule.timezone",
        "no time zone Mars/North",
        "Europe/Berlin",
    ),
    "resources: {timeout_s: 2000}\nclouds: {gcp: {schedule: {cron: '0 6 * * *', inputs: 1}}}": (
        "resources.timeout_s",
        "waits at most 1800 s",
        "lower it",
    ),
    "clouds: {gcp: {budget: {monthly_usd: 5, email: a@b.c}}}": ("clouds.gcp.budget", "belongs to a billing account", "billing"),
    "resources: {ephemeral_mb: 100}\nclouds: {gcp: {build: source}}": ("resources.ephemeral_mb", "has no disk", "image"),
    "clouds: {gcp: {build: source, base: other}}": ("clouds.gcp.base", "Google's own base image", "image"),
    "resources: {timeout_s: 600}\nclouds: {gcp: {build: source, trigger: {bucket: photos}}}": (
        "resources.timeout_s",
        "ends after 540 s",
        "image",
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_it_is_refused_with_a_fix(text: str, tmp_path: Path) -> None:
    path, message, fix = CASES[text]
    found = validate.validate(load(text + "\n", tmp_path), provider)
    assert [problem.path for problem in found] == [path]
    assert message in found[0].message
    assert fix in found[0].fix


def test_everything_is_said_at_once(tmp_path: Path) -> None:
    text = """\
access: key
resources: {memory_mb: 99999, concurrency: 5000, architecture: arm64}
env: {PORT: "1"}
tags: {stage: x}
clouds: {gcp: {budget: {monthly_usd: 1, email: a@b.c}, schedule: {cron: "* * * * *", inputs: 1}}}
"""
    found = validate.validate(load(text, tmp_path), provider)
    assert {problem.path for problem in found} == {
        "resources.memory_mb",
        "resources.concurrency",
        "resources.architecture",
        "env.PORT",
        "tags.stage",
        "clouds.gcp.budget",
        "clouds.gcp.schedule",
    }
    assert all(problem.fix and problem.line > 1 for problem in found)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "access: public\nclouds: {gcp: {schedule: {cron: '0 6 * * *', inputs: 1}}}",
        "resources: {memory_mb: 128}",
        "resources: {memory_mb: 32768}",
        "resources: {memory_mb: 512}\nclouds: {gcp: {cpu: 0.08}}",
        "clouds: {gcp: {cpu: 8}}",
        "clouds: {gcp: {trigger: {bucket: photos, prefix: results/, results_bucket: answers}}}",
        "clouds: {gcp: {project: 'example.com:shop-1', build: source}}",
        "secrets: {A: 'secretmanager:a@3', B: 'secretmanager:projects/p-1/secrets/b', C: env:C, D: file:d, E: }",
    ],
)
def test_what_is_fine_is_not_refused(text: str, tmp_path: Path) -> None:
    assert validate.validate(load(text + "\n", tmp_path), provider) == ()
