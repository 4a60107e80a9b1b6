"""Every name in every block is one that Pulumi's SDK knows: the blocks are given as dictionaries, which it does not check."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import gcp_harness as harness
import pytest
from pulumi import _types


def problems(token: str, inputs: Mapping[str, Any]) -> list[str]:
    _, module, name = token.split(":")
    package = importlib.import_module(f"pulumi_gcp.{module.partition('/')[0]}")
    return [*_problems(getattr(package, f"{name}Args"), inputs, name)]


def _problems(kind: Any, value: Any, where: str) -> Iterator[str]:
    """`kind` is what the SDK's annotation says of `value`."""
    if hasattr(kind, "_pulumi_input_type") or (isinstance(kind, type) and kind.__name__.endswith("Args")):
        assert isinstance(value, Mapping), where
        known = _types.input_type_types(kind)
        for key, inner in value.items():
            if key not in known:
                yield f"{where}.{key}"
            else:
                yield from _problems(known[key], inner, f"{where}.{key}")
    elif isinstance(value, Sequence) and not isinstance(value, str) and get_args(kind):
        for item in value:
            yield from _problems(_types.unwrap_type(get_args(kind)[0]), item, where)


@pytest.mark.parametrize("name", sorted(harness.SPECS))
def test_every_name_is_the_sdks(name: str, tmp_path: Path) -> None:
    registry, service = harness.stacks(name, tmp_path, live="0123456789ab")
    assert [
        problem for each in (*registry.resources, *service.resources) for problem in problems(each.token, each.inputs)
    ] == []


def test_a_wrong_name_deep_inside_is_found(tmp_path: Path) -> None:
    _, service = harness.stacks("plain", tmp_path)
    inputs = harness.plain(service.of("cloudrunv2/service:Service")[0].inputs)
    container = inputs["template"]["containers"][0]
    container["resources"]["startupBoost"] = True
    container["env"] = []
    assert problems("gcp:cloudrunv2/service:Service", inputs) == [
        "Service.template.containers.resources.startupBoost",
        "Service.template.containers.env",
    ]
