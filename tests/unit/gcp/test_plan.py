"""What is decided from a spec: sizes, names, environment, secrets, document."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from gcp_specs import load, planned
from hypothesis import given
from hypothesis import strategies as st

from mldeploy.errors import SpecError
from mldeploy.providers.gcp import references
from mldeploy.providers.gcp.limits import WHOLE_CPUS, cpu_for, size_of
from mldeploy.providers.gcp.names import names_of, secret_id
from mldeploy.providers.gcp.settings import GcpSettings
from mldeploy.providers.gcp.sizing import sizing
from mldeploy.spec.model import Resources


@given(st.integers(128, 32768))
def test_any_memory_gets_cpus_that_take_it(memory_mb: int) -> None:
    size = size_of(cpu_for(memory_mb))
    assert size is not None
    assert size.low_mb <= memory_mb <= size.high_mb


@given(st.sampled_from([size.cpu for size in WHOLE_CPUS]) | st.floats(0.08, 0.999))
def test_any_cpu_gets_memory_that_goes_with_it(cpu: float) -> None:
    decided = sizing(Resources(), GcpSettings(cpu=cpu))
    size = size_of(cpu)
    assert size is not None
    assert size.low_mb <= decided.memory_mb <= size.high_mb
    assert (decided.concurrency == 1) is (cpu < 1)
    assert (decided.environment == "gen2") is (cpu >= 1)


@pytest.mark.parametrize("cpu", [0.05, 1.5, 3, 5, 7, 9])
def test_there_is_no_such_size(cpu: float) -> None:
    assert size_of(cpu) is None


@given(st.floats(0.001, 3600))
def test_the_runtime_answers_504_before_cloud_run_gives_up(timeout_s: float) -> None:
    decided = sizing(Resources(timeout_s=timeout_s), GcpSettings())
    assert timeout_s <= decided.request_timeout_s <= 3600
    assert decided.request_timeout_s - timeout_s >= 10 or decided.request_timeout_s == 3600


NAME = st.from_regex(r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", fullmatch=True)


@given(NAME, NAME)
def test_every_name_is_legal(model: str, stage: str) -> None:
    names = names_of(model, stage, "shop-1")
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,35}(?<!-)", names.service)
    # TAG---SERVICE-PROJECTNUMBER is one DNS label, and a revision is SERVICE-RELEASE.
    assert len(f"candidate---{names.service}-123456789012") <= 63
    assert len(f"{names.service}-{'f' * 12}") <= 63
    for account in (names.runtime, names.caller, names.builder):
        assert re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", account)
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,61}[a-z0-9]", names.repository)
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", names.source)
    assert len({*names}) + (names.service == names.repository) >= len(names)


def test_a_bucket_is_another_one_in_another_project() -> None:
    assert names_of("digits", "dev", "shop-1").source != names_of("digits", "dev", "shop-2").source


@given(st.lists(st.from_regex(r"^[A-Z_][A-Z0-9_]{0,40}$", fullmatch=True), min_size=2, max_size=2, unique=True))
def test_two_secrets_never_share_a_name(names: list[str]) -> None:
    first, second = (secret_id("digits", "dev", name) for name in names)
    assert first != second
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,255}", first)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("secretmanager:own", ("", "own", "latest")),
        ("secretmanager:own@7", ("", "own", "7")),
        ("secretmanager:projects/p-1/secrets/own", ("p-1", "own", "latest")),
        ("secretmanager:projects/p-1/secrets/own/versions/2", ("p-1", "own", "2")),
        ("secretmanager:", None),
        ("secretmanager:own@newest", None),
        ("env:own", None),
    ],
)
def test_references(text: str, expected: tuple[str, str, str] | None) -> None:
    assert references.parse(text) == expected


def test_the_runtime_is_told_how_to_serve(tmp_path: Path) -> None:
    text = "env: {OWN: x}\nresources: {concurrency: 4}\nimage: {engine: stock}\n"
    plan = planned(text + "clouds: {gcp: {project: shop-1, max_body_mb: 1.5}}\n", tmp_path)
    assert plan.environment == {
        "OWN": "x",
        "MLDEPLOY_STAGE": "dev",
        "MLDEPLOY_ACCESS": "private",
        "MLDEPLOY_TIMEOUT_S": "30",
        "MLDEPLOY_MAX_BODY_BYTES": "1572864",
        "MLDEPLOY_CONCURRENCY": "4",
        "MLDEPLOY_ENGINE": "stock",
        "GOOGLE_CLOUD_PROJECT": "shop-1",
    }
    assert plan.program["environment"] == plan.environment


def test_key_access_adds_a_generated_key_unless_one_is_given(tmp_path: Path) -> None:
    made = planned("access: key\n", tmp_path / "a")
    assert made.secrets == {"MLDEPLOY_API_KEY": "generated:key"}
    given_one = planned("access: key\nsecrets: {MLDEPLOY_API_KEY: 'secretmanager:ours'}\n", tmp_path / "b")
    assert given_one.program["secrets"] == {}
    assert given_one.program["secret_refs"]["MLDEPLOY_API_KEY"]["secret"] == "ours"


def test_without_a_project_there_is_a_plan_all_the_same(tmp_path: Path) -> None:
    plan = planned("", tmp_path)
    assert plan.setting("clouds.gcp.project") is None
    assert json.loads(json.dumps(plan.to_dict()))["program"]["project"] == ""
    assert plan.resources[0].name == "no project yet"


def test_open_access_is_shown(tmp_path: Path) -> None:
    plan = planned("access: public\n", tmp_path)
    assert "PUBLIC" in next(resource.detail for resource in plan.resources if resource.kind == "access")


def test_source_has_no_image_and_an_image_no_source(tmp_path: Path) -> None:
    image, source = planned("", tmp_path / "a"), planned("clouds: {gcp: {build: source}}\n", tmp_path / "b")
    assert image.image is not None
    assert (image.program["source_bucket"], image.program["accounts"]["builder"]) == ("", "")
    assert source.image is None
    assert source.program["source_bucket"]


def test_the_recipe_is_the_smallest_that_serves(tmp_path: Path) -> None:
    recipe = planned("image: {max_mb: 200}\nclouds: {gcp: {base: my/base}}\n", tmp_path).image
    assert recipe is not None
    assert (recipe.base, recipe.architecture, recipe.port, recipe.max_mb) == ("my/base", "x86_64", 8080, 200)
    assert recipe.entrypoint == ("python3", "-P", "-m", "mldeploy.providers.gcp.entry.server")
    assert not {"onnxruntime", "numpy", "sklearn"} & set(recipe.requirements)


def test_the_users_requirements_are_part_of_the_image(tmp_path: Path) -> None:
    load("", tmp_path)
    (tmp_path / "requirements.txt").write_text("a==1 --hash=sha256:00\n")
    recipe = planned("image: {requirements: requirements.txt}\n", tmp_path).image
    assert recipe is not None
    assert recipe.user_requirements == "a==1 --hash=sha256:00\n"


def test_requirements_that_cannot_be_read_are_named_with_their_line(tmp_path: Path) -> None:
    load("", tmp_path)
    (tmp_path / "requirements.txt").write_bytes(b"\xff")
    with pytest.raises(SpecError, match=r"mldeploy.yaml:4:.*requirements.txt cannot be read") as caught:
        planned("image: {requirements: requirements.txt}\n", tmp_path)
    assert caught.value.hint == "the path is relative to the spec"


def test_labels_name_the_deployment(tmp_path: Path) -> None:
    labels = planned("tags: {team: green}\n", tmp_path).program["labels"]
    assert labels == {
        "team": "green",
        "tool": "mldeploy",
        "model": "digits",
        "stage": "dev",
        "deployment": "digits-dev",
        "fingerprint": "ab" * 6,
    }


def test_only_the_apis_that_are_used_are_enabled(tmp_path: Path) -> None:
    plain = set(planned("", tmp_path / "a").program["apis"])
    watched = "clouds: {gcp: {alarms: {}, schedule: {cron: '0 6 * * *', inputs: 1}}}\n"
    more = set(planned(watched, tmp_path / "b").program["apis"])
    assert more - plain == {"monitoring.googleapis.com", "cloudscheduler.googleapis.com"}
    assert not {api for api in plain if api.startswith(("cloudbuild", "eventarc", "billing"))}
