"""Pushing to a real registry: one digest for one content, only new layers travel, and nothing at all when nothing changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mldeploy import image
from mldeploy.errors import ProviderError
from mldeploy.image import building, pushing, shipping
from mldeploy.image import registry as registries
from mldeploy.image.contract import Destination
from mldeploy.image.engine import Engine
from mldeploy.progress import SilentReporter

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def destination(registry: str) -> Destination:
    return Destination(f"{registry}/mldeploy/digits")


@pytest.fixture
def no_engine(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def take_away() -> None:
        def refuse(*_: object) -> None:
            raise AssertionError("the engine was asked")

        monkeypatch.setattr(shipping, "connect", refuse)

    return take_away


def blobs_of(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_nothing_changed_needs_no_engine(
    made: Callable[..., Any], destination: Destination, no_engine: Callable[[], None]
) -> None:
    made_image = made("gcp", "digits")
    arguments = (made_image.plan, made_image.bundle, made_image.loaded, destination, SilentReporter())
    assert image.digest(destination, image.tag(made_image.plan, made_image.bundle)) is None
    first = image.ensure(*arguments)
    assert first.digest == image.digest(destination, first.tag)
    assert first.pinned == f"{destination.repository}@{first.digest}"
    no_engine()
    assert image.ensure(*arguments) == first


def test_the_registry_has_one_plain_manifest(made: Callable[..., Any], destination: Destination) -> None:
    made_image = made("aws", "digits")
    ref = image.ensure(made_image.plan, made_image.bundle, made_image.loaded, destination, SilentReporter())
    found = registries.manifest(destination, ref.tag)
    assert found is not None
    assert found.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    assert found.digest == ref.digest
    assert len(found.layers) in (5, 6)  # the base, packages, runtime, model, hook; an engine may add one for WORKDIR


def test_two_builds_one_digest(engine: Engine, planned: Callable[..., Any], registry: str) -> None:
    """The second build takes nothing from the cache, and goes to a repository of its own."""
    plan, bundle, loaded = planned("gcp", "digits")
    digests, ids = set(), set()
    for number in (1, 2):
        built = building.build(engine, plan, bundle, loaded, SilentReporter(), is_fresh=True)
        ref = pushing.push(engine, built, Destination(f"{registry}/twice/build-{number}"), SilentReporter())
        digests.add(ref.digest)
        ids.add(built.image_id)
    assert len(ids) == 1
    assert len(digests) == 1


@pytest.fixture
def changed_model(tmp_path: Path) -> Path:
    """The digits example with other labels: another bundle, everything else as it was."""
    folder = tmp_path / "digits"
    shutil.copytree(EXAMPLES / "digits", folder)
    text = (folder / "mldeploy.yaml").read_text()
    assert '"0", "1"' in text
    (folder / "mldeploy.yaml").write_text(text.replace('"0", "1"', '"zero", "one"'))
    return folder


def test_a_new_model_pushes_the_models_layer_only(
    engine: Engine, planned: Callable[..., Any], made: Callable[..., Any], destination: Destination, changed_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = made("gcp", "digits")
    first = image.ensure(before.plan, before.bundle, before.loaded, destination, SilentReporter())
    plan, bundle, loaded = planned("gcp", "digits", folder=changed_model)
    seen: list[pushing.Pushed] = []
    follow = pushing.follow
    monkeypatch.setattr(pushing, "follow", lambda *given: seen.append(follow(*given)) or seen[-1])
    second = image.ensure(plan, bundle, loaded, destination, SilentReporter())
    old, new = registries.manifest(destination, first.tag), registries.manifest(destination, second.tag)
    assert old is not None
    assert new is not None
    assert len([layer for layer in new.layers if layer not in old.layers]) == 1
    assert [done.sent for done in seen] == [1]
    assert first.digest != second.digest


def test_a_registry_that_wants_a_login(
    made: Callable[..., Any], engine: Engine, guarded_registry: tuple[str, str, str]
) -> None:
    """Basic, as the registry itself checks it (htpasswd): refused without, pushed and read with."""
    address, user, password = guarded_registry
    made_image = made("gcp", "digits")
    closed = Destination(f"{address}/mldeploy/digits")
    with pytest.raises(ProviderError) as caught:
        registries.manifest(closed, "x")
    assert address in str(caught.value)
    with pytest.raises(ProviderError) as caught:
        pushing.push(engine, made_image.built, closed, SilentReporter())
    assert "refuses the push" in str(caught.value)
    with pytest.raises(ProviderError):
        registries.manifest(replace(closed, username=user, password="wrong"), "x")
    opened = replace(closed, username=user, password=password)
    ref = pushing.push(engine, made_image.built, opened, SilentReporter())
    assert registries.manifest(opened, ref.tag) is not None


def test_a_connection_that_is_cut_is_tried_again_and_then_goes_on(
    made: Callable[..., Any], engine: Engine, registry: str, cut_once: Callable[[int], Any]
) -> None:
    """A proxy in front of the registry drops the connection in the middle of the first uploads."""
    made_image = made("gcp", "imagenet")
    with cut_once(int(registry.rpartition(":")[2])) as (port, cuts):
        destination = Destination(f"127.0.0.1:{port}/cut/imagenet")
        ref = pushing.push(engine, made_image.built, destination, SilentReporter(), sleep=lambda _: None)
        assert cuts[0] > 0
    assert registries.manifest(Destination(f"{registry}/cut/imagenet"), ref.tag) is not None


def test_documents_of_a_registry_are_whole(made: Callable[..., Any], destination: Destination, engine: Engine) -> None:
    made_image = made("gcp", "digits")
    ref = image.ensure(made_image.plan, made_image.bundle, made_image.loaded, destination, SilentReporter())
    found = engine.inspect(made_image.name)
    assert json.dumps(found).count(ref.tag) > 0
    assert engine.inspect(f"{destination.repository}:{ref.tag}") is None, "the pushed name stayed behind in the engine"
