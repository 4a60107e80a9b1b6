"""The serving settings in the environment: defaults, values, and which variable is wrong."""

from __future__ import annotations

import os

import pytest

from mldeploy.handlers import config
from mldeploy.handlers.config import ConfigError, ServingConfig, from_environ


def test_an_empty_environment_is_the_defaults() -> None:
    assert from_environ({}) == ServingConfig(concurrency=config.available_cores())
    assert from_environ({"MLDEPLOY_TIMEOUT_S": "", "MLDEPLOY_ACCESS": ""}) == from_environ({})


def test_every_variable_counts() -> None:
    environ = {
        "MLDEPLOY_TIMEOUT_S": "2.5",
        "MLDEPLOY_CONCURRENCY": "3",
        "MLDEPLOY_QUEUE": "0",
        "MLDEPLOY_MAX_BODY_BYTES": "1000",
        "MLDEPLOY_ACCESS": "key",
        "MLDEPLOY_API_KEY": "sesame",
        "MLDEPLOY_ENGINE": "stock",
        "MLDEPLOY_THREADS": "2",
        "MLDEPLOY_POOL": "inline",
        "MLDEPLOY_STAGE": "prod",
    }
    read = from_environ(environ)
    assert (read.timeout_s, read.concurrency, read.queue, read.max_body_bytes) == (2.5, 3, 0, 1000)
    assert (read.access, read.api_key, read.engine, read.threads, read.pool, read.stage) == (
        "key",
        "sesame",
        "stock",
        2,
        "inline",
        "prod",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLDEPLOY_TIMEOUT_S", "soon"),
        ("MLDEPLOY_TIMEOUT_S", "0"),
        ("MLDEPLOY_TIMEOUT_S", "inf"),
        ("MLDEPLOY_TIMEOUT_S", "nan"),
        ("MLDEPLOY_CONCURRENCY", "0"),
        ("MLDEPLOY_QUEUE", "-1"),
        ("MLDEPLOY_MAX_BODY_BYTES", "0"),
        ("MLDEPLOY_ACCESS", "open"),
        ("MLDEPLOY_ENGINE", "fast"),
        ("MLDEPLOY_POOL", "maybe"),
        ("MLDEPLOY_ACCESS", "key"),
    ],
)
def test_an_unusable_value_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        from_environ({name: value})


def test_cores_without_an_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    assert config.available_cores() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert config.available_cores() == 1
