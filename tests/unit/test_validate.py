"""Limits: what is over, under or not among the values of a platform, in words, with the source and the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mldeploy import spec
from mldeploy.errors import Problem, ProviderError
from mldeploy.plan import Limit, Limits
from mldeploy.providers import registry
from mldeploy.spec.loaded import LoadedSpec
from mldeploy.validate import validate

BY_KEY = {
    "resources.memory_mb": Limit(128, 10240, source="AWS Lambda quotas", date="2026-11-21"),
    "resources.timeout_s": Limit(high=900),
    "resources.architecture": Limit(allowed=("x86_64",), source="a page"),
    "resources.concurrency": Limit(allowed=(1, 2, 4)),
    "clouds.lambda.memory_mb": Limit(high=10240),
    "clouds.lambda.name": Limit(low=1),
    "clouds.lambda.flag": Limit(high=0),
}


class Cloud:
    """Enough of a provider to be checked against."""

    def __init__(self, name: str, by_key: dict[str, Limit], title: str = "") -> None:
        self.name = name
        self.limits = Limits(title or name, by_key, 1)

    def problems(self, loaded: LoadedSpec) -> list[Problem]:
        return [loaded.problem("access", "not here", "there")] if loaded.spec.access == "key" else []


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The other installed providers."""
    known: dict[str, Any] = {
        "gcp": Cloud("gcp", {"resources.memory_mb": Limit(high=32768)}),
        "lambda": Cloud("lambda", BY_KEY),
        "open": Cloud("open", {}),
        "small": Cloud("small", {"resources.memory_mb": Limit(high=512)}),
    }

    def get(name: str) -> Any:
        if name == "broken":
            raise ProviderError("lacks its SDK")
        return known[name]

    monkeypatch.setattr(registry, "names", lambda: (*known, "broken"))
    monkeypatch.setattr(registry, "get", get)
    return known


@pytest.fixture
def found(tmp_path: Path, others: dict[str, Any]) -> Any:
    def problems(text: str) -> list[str]:
        (tmp_path / "model.onnx").write_text("x")
        file = tmp_path / "mldeploy.yaml"
        file.write_text(f"version: 1\nname: a\nmodel: {{path: model.onnx}}\n{text}")
        loaded = spec.load(file, "prod" if "stages" in text else None)
        cloud: Any = Cloud("lambda", BY_KEY, "AWS Lambda")
        return [f"{p.line}:{p.column} {p.path}: {p.message} | {p.fix}" for p in validate(loaded, cloud)]

    return problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "resources: {memory_mb: 12000}\n",
            "4:13 resources.memory_mb: 12000 is above AWS Lambda's 10240 MB (AWS Lambda quotas, 2026-11-21)"
            " | lower it to 10240 at most, or deploy to gcp (limit 32768) or open",
        ),
        (
            "resources: {memory_mb: 64}\n",
            "4:13 resources.memory_mb: 64 is below AWS Lambda's 128 MB (AWS Lambda quotas, 2026-11-21)"
            " | raise it to 128 at least, or deploy to gcp (limit 32768) or open or small (limit 512)",
        ),
        (
            "resources: {timeout_s: 900.5}\n",
            "4:13 resources.timeout_s: 900.5 is above AWS Lambda's 900 s"
            " | lower it to 900 at most, or deploy to gcp or open or small",
        ),
        (
            "resources: {architecture: arm64}\n",
            "4:13 resources.architecture: arm64 is not one of AWS Lambda's x86_64 (a page)"
            " | write one of x86_64, or deploy to gcp or open or small",
        ),
        (
            "clouds: {lambda: {memory_mb: 20000}}\n",
            "4:19 clouds.lambda.memory_mb: 20000 is above AWS Lambda's 10240 MB | lower it to 10240 at most",
        ),
        ("access: key\n", "4:1 access: not here | there"),
        (
            "stages:\n  prod: {resources: {timeout_s: 1000}}\n",
            "5:22 stages.prod.resources.timeout_s: 1000 is above AWS Lambda's 900 s"
            " | lower it to 900 at most, or deploy to gcp or open or small",
        ),
    ],
)
def test_a_broken_limit_says_where_what_and_what_next(found: Any, text: str, expected: str) -> None:
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resources: {memory_mb: 10240, timeout_s: 900, architecture: x86_64, concurrency: 4}\n",
        "clouds: {lambda: {name: text, flag: true}}\n",
        "clouds: {elsewhere: {memory_mb: 99999}}\n",
    ],
)
def test_what_is_within_or_left_out_breaks_nothing(found: Any, text: str) -> None:
    assert found(text) == []


def test_all_come_at_once_in_file_order(found: Any) -> None:
    lines = found("access: key\nresources: {concurrency: 3, memory_mb: 1}\n")
    assert [line.partition(": ")[0] for line in lines] == [
        "4:1 access",
        "5:13 resources.concurrency",
        "5:29 resources.memory_mb",
    ]


def test_nowhere_to_go_is_not_made_up(found: Any, others: dict[str, Any]) -> None:
    del others["gcp"], others["open"]
    assert found("resources: {memory_mb: 12000}\n")[0].endswith("| lower it to 10240 at most")
