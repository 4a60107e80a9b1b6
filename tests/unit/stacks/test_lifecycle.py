"""up, up again, change, fail, destroy: on the real engine, against the toy cloud."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from toystack_cloud import names, resource

from mldeploy.errors import DeployError, SmokeError

if TYPE_CHECKING:
    from toy_rig import Toy

ALL = ["digits-dev", "digits-dev-fn", "digits-dev-fn-role", "digits-dev-fn-route", "digits-dev-secrets"]


def test_up_makes_everything_and_says_so(toy: Toy) -> None:
    outputs = toy.up()
    assert outputs.changed
    assert outputs.url == "toy://digits-dev-fn-route"
    assert names() == ALL
    assert resource("digits-dev-fn")["image"].startswith("digits-dev.registry.test/digits@sha256:")
    assert toy.driver.status().state == "serving"
    assert any(line.startswith("created function digits-dev-fn  ") for line in toy.report.said)
    assert "registry: 2 created" in toy.report.said


def test_up_again_changes_nothing(toy: Toy) -> None:
    toy.up()
    toy.report.said.clear()
    toy.cloud.calls.clear()
    started_s = time.monotonic()
    outputs = toy.up()
    assert time.monotonic() - started_s < 15
    assert not outputs.changed
    assert len(toy.images.built) == 1
    assert [line for line in toy.report.said if line.startswith(("registry", "service"))] == [
        "registry: unchanged",
        "service: unchanged",
    ]
    assert toy.cloud.calls == ["verify"]


def test_a_new_release_is_asked_before_it_serves(toy: Toy) -> None:
    first = toy.up()
    toy.cloud.calls.clear()
    second = toy.up(memory_mb=1024)
    assert toy.cloud.calls == ["verify", "endpoint of the candidate"]
    assert second.changed
    assert second.values["release"] != first.values["release"]
    assert resource("digits-dev-fn")["live"] == second.values["release"]


def test_a_candidate_that_fails_leaves_the_live_release(toy: Toy) -> None:
    first = toy.up()
    toy.cloud.wrong_memory.add(1024)
    with pytest.raises(SmokeError, match="keeps serving"):
        toy.up(memory_mb=1024)
    assert resource("digits-dev-fn")["live"] == first.values["release"]
    assert toy.driver.outputs().values["release"] == first.values["release"]
    with pytest.raises(SmokeError, match="keeps serving"):
        toy.up(memory_mb=1024)
    toy.cloud.wrong_memory.clear()
    assert toy.up(memory_mb=1024).values["release"] != first.values["release"]


def test_without_candidates_the_release_before_is_put_back(toy: Toy) -> None:
    toy.cloud.is_candidate_able = False
    first = toy.up()
    toy.cloud.wrong_memory.add(1024)
    with pytest.raises(SmokeError, match="put back"):
        toy.up(memory_mb=1024)
    assert resource("digits-dev-fn")["memorySize"] == 512
    assert toy.driver.outputs().values["release"] == first.values["release"]
    assert not toy.up().changed


def test_the_first_release_that_fails_says_that_nothing_served(toy: Toy) -> None:
    toy.cloud.wrong_memory.add(512)
    with pytest.raises(SmokeError, match="no release served before it"):
        toy.up()
    with pytest.raises(SmokeError, match="no release served before it"):
        toy.up()
    toy.cloud.wrong_memory.clear()
    assert toy.up().changed


def test_a_failing_create_keeps_the_rest_and_the_next_up_goes_on(toy: Toy) -> None:
    refusal = toy.folder / "digits-dev-fn.fail"
    refusal.write_text("403 AccessDenied: make functions")
    toy.cloud.causes = ()
    with pytest.raises(DeployError) as caught:
        toy.up()
    assert "the service of digits (stage dev) on Toy Cloud could not be updated" in caught.value.message
    assert "function: 403 AccessDenied: make functions" in caught.value.message
    assert "digits-dev-fn-role" in names()
    assert toy.driver.status().state == "failing"
    refusal.unlink()
    assert toy.up().changed
    assert names() == ALL


def test_destroy_leaves_nothing(toy: Toy) -> None:
    assert toy.driver.destroy(toy.report) is False
    toy.up()
    assert toy.driver.destroy(toy.report) is True
    assert names() == []
    assert "before_destroy" in toy.cloud.calls
    assert toy.driver.status().state == "absent"
    assert toy.driver.destroy(toy.report) is False
    assert not list((toy.folder.parent / "state" / "toystack").glob("*"))


def test_destroy_names_what_is_left(toy: Toy) -> None:
    toy.up()
    toy.cloud.left.append("image digits-dev:latest")
    with pytest.raises(DeployError, match="1 left after destroy:\n  image digits-dev:latest"):
        toy.driver.destroy(toy.report)
    toy.cloud.left.clear()
    assert toy.driver.destroy(toy.report) is True


def test_a_half_destroyed_deployment_converges(toy: Toy) -> None:
    toy.up()
    stuck = toy.folder / "digits-dev.stuck"
    stuck.touch()
    with pytest.raises(DeployError, match="digits-dev is in use"):
        toy.driver.destroy(toy.report)
    assert names() == ["digits-dev"]
    assert toy.driver.status().state == "failing"
    assert toy.driver.outputs() is None
    stuck.unlink()
    assert toy.driver.destroy(toy.report) is True
    assert names() == []


def test_a_half_destroyed_deployment_can_be_put_up_again(toy: Toy) -> None:
    toy.up()
    (toy.folder / "digits-dev.stuck").touch()
    with pytest.raises(DeployError):
        toy.driver.destroy(toy.report)
    toy.cloud.calls.clear()
    assert toy.up(memory_mb=1024).changed
    assert "endpoint of the candidate" not in toy.cloud.calls, "nothing serves that a candidate could stand beside"
    assert names() == ALL


def test_a_failed_update_forgets_nothing(toy: Toy) -> None:
    first = toy.up()
    refusal = toy.folder / "digits-dev-fn.fail"
    refusal.write_text("409 AlreadyExists: digits-dev-fn")
    with pytest.raises(DeployError, match="the name digits-dev-fn is taken"):
        toy.up(memory_mb=1024)
    assert toy.driver.outputs().values["release"] == first.values["release"]
    assert toy.driver.status().state == "serving"
    refusal.unlink()
    toy.cloud.calls.clear()
    assert toy.up(memory_mb=1024).changed
    assert "endpoint of the candidate" in toy.cloud.calls


def test_a_program_that_stumbles_is_told_as_a_bug(toy: Toy) -> None:
    with pytest.raises(DeployError, match="the stack's program failed: the program stumbled"):
        toy.up(program_error=True)
