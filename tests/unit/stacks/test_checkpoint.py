"""A state that the engine was writing when it was killed. Real engine, toy cloud; the cut is made here."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mldeploy.errors import DeployError

if TYPE_CHECKING:
    from toy_rig import Toy


def checkpoint(toy: Toy, part: str) -> Path:
    [file] = (toy.folder.parent / "state/stacks/.pulumi/stacks/digits").glob(f"*.{part}.json")
    return file


@pytest.mark.parametrize("cut", ["", '{"version": 3, "checkpoint": {"la'], ids=["empty", "half"])
def test_the_last_whole_state_is_put_back(toy: Toy, cut: str) -> None:
    toy.up()
    toy.up(memory_mb=1024)
    checkpoint(toy, "service").write_text(cut)
    outputs = toy.up(memory_mb=1024)
    assert any("killed while its state was written" in line for line in toy.report.said)
    assert json.loads(checkpoint(toy, "service").read_text())["checkpoint"]
    assert toy.driver.outputs().values["release"] == outputs.values["release"]
    assert not toy.up(memory_mb=1024).changed


@pytest.mark.parametrize("cut", ["", '{"user.cache_'], ids=["empty", "half"])
def test_attributes_that_were_cut_off_are_done_without(toy: Toy, cut: str) -> None:
    toy.up()
    file = checkpoint(toy, "service")
    whole = file.read_text()
    file.with_name(f"{file.name}.attrs").write_text(cut)
    assert not toy.up().changed
    assert json.loads(file.read_text())["checkpoint"]["stack"] == json.loads(whole)["checkpoint"]["stack"]


def test_what_cannot_be_mended_is_tried_once(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.up()
    checkpoint(toy, "service").write_text("{}{")
    asked: list[str] = []
    monkeypatch.setattr("mldeploy.stacks.checkpoint.is_restored", lambda stack, text, report: asked.append(text) or True)
    with pytest.raises(DeployError, match="the recorded state is damaged"):
        toy.up()
    assert len(asked) == 1


def test_without_a_whole_one_it_says_where_to_look(toy: Toy) -> None:
    toy.up()
    file = checkpoint(toy, "service")
    file.write_text("")
    file.with_name(f"{file.name}.bak").write_text("")
    with pytest.raises(DeployError, match="the recorded state is damaged") as caught:
        toy.up()
    assert ".json.bak" in (caught.value.hint or "")


def test_a_state_that_somebody_may_be_writing_is_left_alone(toy: Toy) -> None:
    toy.up()
    file = checkpoint(toy, "service")
    stack = file.name.removesuffix(".json")
    lock = file.parents[2] / "locks" / "organization" / "digits" / stack / "1.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": 1, "username": "ada", "hostname": f"not-{socket.gethostname()}", "timestamp": "now"}))
    file.write_text("")
    with pytest.raises(DeployError, match="the recorded state is damaged"):
        toy.up()
    assert file.read_text() == ""
