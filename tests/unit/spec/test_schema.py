"""The committed JSON Schema is fresh, holds every provider, and accepts what the loader accepts. So is the example."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from mldeploy import spec
from mldeploy.errors import SpecError
from mldeploy.providers import registry
from mldeploy.spec.model import Section
from mldeploy.spec.yaml_reader import read

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "schema" / "mldeploy.schema.json"
EXAMPLE = ROOT / "mldeploy" / "templates" / "example.yaml"
SPECS = [EXAMPLE, *sorted(ROOT.glob("examples/*/mldeploy.yaml"))]


@cache
def built_in() -> dict[str, type[BaseModel]]:
    """The settings of the providers that this repository brings, whatever else is installed."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {name: registry.get(name).Settings for name in project["entry-points"][registry.GROUP]}


@cache
def committed() -> jsonschema.Draft202012Validator:
    return validator(json.loads(COMMITTED.read_text()))


def validator(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_fresh(is_update: bool) -> None:
    fresh = json.dumps(spec.json_schema(built_in()), indent=2, ensure_ascii=False) + "\n"
    if is_update:
        COMMITTED.write_text(fresh)
    assert COMMITTED.read_text() == fresh, "write it anew: pytest --update tests/unit/spec/test_schema.py"


def test_every_provider_is_in_the_schema() -> None:
    clouds = spec.json_schema(built_in())["properties"]["clouds"]["anyOf"][0]
    assert set(clouds["properties"]) == set(built_in())
    assert clouds["additionalProperties"] is False


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.parent.name)
def test_the_examples_are_valid_and_point_at_the_schema(path: Path) -> None:
    text = path.read_text()
    root, problems = read(text, path.name)
    assert problems == []
    assert root is not None
    assert list(committed().iter_errors(root.plain())) == []
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    target = path.parent / first.partition("$schema=")[2]
    assert target.resolve() == COMMITTED if path != EXAMPLE else target.name == COMMITTED.name


def test_the_example_loads_in_every_stage_and_shows_every_section(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "mldeploy.yaml")
    for name in ("flowers.onnx", "labels.txt", "rose.jpg"):
        (tmp_path / name).write_text("x")
    for stage in ("dev", "prod"):
        loaded = spec.load(tmp_path / "mldeploy.yaml", stage, settings_models=registry.settings_models())
        assert loaded.warnings == ()
    assert set(yaml.safe_load(EXAMPLE.read_text())) == set(spec.ModelSpec.model_fields)


class Deep(Section):
    """A provider's own settings with a part that has a name of its own."""

    class Network(Section):
        cidr: str

    Resources: Network | None = None


def test_a_providers_definitions_clash_with_nobodys() -> None:
    check = validator(spec.json_schema({"toy": Deep, "other": Deep}))
    document = {"version": 1, "name": "a", "model": {}, "clouds": {"toy": {"Resources": {"cidr": "x"}}, "other": None}}
    assert list(check.iter_errors(document)) == []
    document["clouds"] = {"toy": {"Resources": {"memory_mb": 5}}}
    assert list(check.iter_errors(document)) != []
    document["clouds"] = {}
    document["stages"] = {"prod": {"clouds": {"toy": {"Resources": {"cidr": None}}}, "resources": {"memory_mb": None}}}
    assert list(check.iter_errors(document)) == []


SCALARS = st.sampled_from([None, True, 0, 1, 2, 30, 0.5, -1, "x", "", "model.onnx", "hook.py", "rows.csv", "none", "1"])
ANY = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from(["kind", "a"]), SCALARS, max_size=2)


def some(**keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={key: value if isinstance(value, st.SearchStrategy) else ANY for key, value in keys.items()}
    )


SIZE = st.lists(st.integers(1, 3), min_size=2, max_size=2)
FACTOR = st.just(1) | st.just([1, 2, 3]) | st.just(0.5)
PRE = st.one_of(
    st.none(),
    st.just({"kind": "none"}),
    st.builds(
        lambda size, rest: {"kind": "image", "size": size, **rest},
        SIZE,
        some(mean=FACTOR, std=FACTOR, resize=st.just("fit"), scale=st.just(1), pad=ANY, decode=st.just("fast"), input=ANY),
    ),
    st.builds(
        lambda c: {"kind": "tabular", "columns": c}, st.lists(st.sampled_from(["a", {"name": "b", "dtype": "int"}]), min_size=1)
    ),
    ANY,
)
POST = st.sampled_from([{"kind": "softmax"}, {"kind": "top_k", "k": 2, "softmax": True}, {"kind": "none"}, {"kind": "x"}, None])
MODEL = st.builds(
    lambda rest: {"path": "model.onnx", **rest},
    some(
        format=st.just("onnx"),
        labels=st.just(["a", "b"]) | ANY,
        preprocess=PRE,
        postprocess=POST,
        hook=st.just("hook.py"),
        convert=ANY,
    ),
)
RESOURCES = some(memory_mb=st.just(512) | ANY, timeout_s=st.just(3), min_instances=st.just(0), architecture=st.just("arm64"))
SMOKE = st.lists(some(inputs=ANY, file=st.just("rows.csv"), status=st.just(200), expect=ANY, tolerance=st.just(1)), max_size=2)
VARIABLES = st.dictionaries(st.sampled_from(["A", "B", "c"]), st.sampled_from(["x", "", None, 1]), max_size=2)
CLOUDS = some(local=st.none() | some(port=st.just(80) | ANY, max_body_mb=st.just(1)), mars=st.just({}))
BODY = {
    "model": MODEL,
    "resources": st.none() | RESOURCES,
    "access": st.sampled_from(["key", None, "x"]),
    "env": st.none() | VARIABLES,
    "secrets": st.none() | VARIABLES,
    "smoke": st.none() | SMOKE,
    "clouds": st.none() | CLOUDS,
    "tags": st.none() | VARIABLES,
}
OVERLAY = st.none() | some(**{**BODY, "model": some(preprocess=PRE, postprocess=POST, path=ANY)})
DOCUMENTS = st.builds(
    lambda rest: {"version": 1, "name": "a", "model": {"path": "model.onnx"}, **rest},
    some(**BODY, stages=st.none() | some(prod=OVERLAY, qa=OVERLAY)),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("specs")
    for name in ("model.onnx", "hook.py", "rows.csv"):
        (folder / name).write_text("x")
    return folder


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=DOCUMENTS)
def test_what_the_loader_accepts_the_schema_accepts(place: Path, document: dict[str, Any]) -> None:
    file = place / "mldeploy.yaml"
    file.write_text(json.dumps(document))
    try:
        spec.load(file, settings_models=built_in())
    except SpecError as error:
        problems = error.problems
    else:
        assert list(committed().iter_errors(document)) == []
        return
    assert problems
    assert all(problem.fix and problem.message for problem in problems)
    assert not any("pydantic" in problem.message or "Input should" in problem.message for problem in problems)


@settings(max_examples=200, deadline=None)
@given(content=st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_loading_raises_nothing_but_spec_errors(place: Path, content: bytes) -> None:
    file = place / "any.yaml"
    file.write_bytes(content)
    with pytest.raises(SpecError):
        spec.load(file)


@settings(max_examples=200, deadline=None)
@given(cut=st.integers(0, 5000), change=st.text(max_size=6), width=st.integers(0, 8))
def test_a_damaged_example_is_spec_errors_within_the_file(place: Path, cut: int, change: str, width: int) -> None:
    text = EXAMPLE.read_text()
    cut %= len(text)
    damaged = text[:cut] + change + text[cut + width :]
    file = place / "damaged.yaml"
    file.write_bytes(damaged.encode("utf-8", "replace"))
    lines = file.read_text(encoding="utf-8").splitlines()
    with pytest.raises(SpecError) as caught:  # at least its files are missing
        spec.load(file, settings_models=built_in())
    for problem in caught.value.problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert 1 <= problem.column <= max(map(len, lines)) + 2
