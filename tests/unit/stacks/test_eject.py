"""The way out: what `eject` writes runs on the same stacks without mldeploy, and changes nothing."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from toystack_cloud import ToyCloud

from mldeploy.errors import DeployError
from mldeploy.stacks.driver import StackDriver
from mldeploy.stacks.events import Watch

if TYPE_CHECKING:
    from toy_rig import Toy


def ejected(toy: Toy, folder: Path, **changes: Any) -> tuple[Path, ...]:
    from toy_rig import plan_of

    driver = StackDriver(ToyCloud(), "digits", "dev", lambda loaded, bundle: plan_of(**changes), toy.loaded)
    return driver.eject(toy.loaded, toy.bundle, folder, toy.report)


@pytest.mark.parametrize("is_image", [True, False])
def test_a_preview_of_it_shows_no_change(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_image: bool) -> None:
    toy.up(is_image=is_image)
    folder = tmp_path / "out"
    files = ejected(toy, folder, is_image=is_image)
    if not is_image:  # it needs nothing of the state folder but the state
        for packed in toy.driver._deployment.at.folder.glob("source*"):
            shutil.rmtree(packed) if packed.is_dir() else packed.unlink()
    for name in [name for name in sys.modules if name.partition(".")[0] == "program"]:
        monkeypatch.delitem(sys.modules, name)
    names = {str(path.relative_to(folder)) for path in files}
    assert {"__main__.py", "Pulumi.yaml", "registry.json", "service.json", "requirements.txt", "README.md"} <= names
    assert {"program/__init__.py", "program/things.py", "image/Dockerfile" if is_image else "source/main.py"} <= names
    stacks = toy.driver._deployment.open(toy.driver._deployment.record(), {})
    monkeypatch.syspath_prepend(str(folder))
    run = runpy.run_path(str(folder / "__main__.py"))["run"]
    assert "toystack_program" not in Path(sys.modules["program"].__file__ or "").parts
    for part, stack in (("registry", stacks.registry), ("service", stacks.service)):
        watch = Watch()
        stack.preview(lambda part=part: run(part), watch)  # type: ignore[misc]
        assert watch.changes
        assert not watch.is_changed, watch.changes


def test_it_imports_nothing_of_mldeploy_and_holds_no_secret(toy: Toy, tmp_path: Path) -> None:
    toy.up()
    files = ejected(toy, tmp_path / "out")
    key = (tmp_path / "state" / "keys" / "stacks").read_text()
    for file in files:
        text = file.read_text()
        assert key not in text
        assert "a-secret-input" not in text or file.name == "registry.py"
        if file.suffix == ".py":
            assert "import mldeploy" not in text
            assert "from mldeploy" not in text
            assert "toystack_program" not in text


def test_it_keeps_project_backend_and_encryption(toy: Toy, tmp_path: Path) -> None:
    toy.up()
    folder = tmp_path / "out"
    ejected(toy, folder)
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert project == {"name": "digits", "runtime": "python", "backend": {"url": f"file://{tmp_path / 'state' / 'stacks'}"}}
    settings = yaml.safe_load((folder / "Pulumi.toystack.dev.service.yaml").read_text())
    assert settings["encryptionsalt"].startswith("v1:")
    assert settings["config"] == {"toystack:region": "here"}


def test_a_full_folder_is_refused(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")
    with pytest.raises(DeployError, match="is not empty"):
        ejected(toy, tmp_path / "out")


def test_what_is_not_deployed_says_what_is_to_be_filled_in(toy: Toy, tmp_path: Path) -> None:
    ejected(toy, tmp_path / "out")
    assert "REPOSITORY@sha256:DIGEST" in (tmp_path / "out" / "service.json").read_text()
    assert "still to be filled in" in (tmp_path / "out" / "README.md").read_text()


def test_a_changed_spec_is_not_what_is_written(toy: Toy, tmp_path: Path) -> None:
    toy.up()
    ejected(toy, tmp_path / "out", memory_mb=2048)
    assert any("what is written is what is deployed" in line for line in toy.report.said)
    assert '"memory_mb": 512' in (tmp_path / "out" / "service.json").read_text()


def test_a_source_that_was_never_deployed_is_packed(toy: Toy, tmp_path: Path) -> None:
    ejected(toy, tmp_path / "out", is_image=False)
    places = json.loads((tmp_path / "out" / "files.json").read_text())
    document = json.loads((tmp_path / "out" / "service.json").read_text())["document"]
    packed = tmp_path / "out" / places[document["source"]]
    rendered = sorted(path for path in (tmp_path / "out" / "source").iterdir() if path.is_file())
    assert packed.read_bytes() == b"".join(path.read_bytes() for path in rendered)
    assert "still to be filled in" not in (tmp_path / "out" / "README.md").read_text()
