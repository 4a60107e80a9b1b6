"""A file that a tool and a person write together: only what is between the markers changes."""

from __future__ import annotations

import pytest

from mldeploy.ci.blocks import Block, merged, whole
from mldeploy.errors import SpecError

HEAD = Block("head", "name: x")
JOBS = Block("jobs", "a:\n  run: 1", "\njobs:\n", 2)


def test_a_new_file_has_every_block_between_its_markers() -> None:
    text = whole([HEAD, JOBS])
    assert text.count("# mldeploy:begin") == text.count("# mldeploy:end") == 2
    assert "\njobs:\n  # mldeploy:begin jobs" in text
    assert "\n  a:\n    run: 1\n" in text


def test_writing_again_changes_nothing() -> None:
    text = whole([HEAD, JOBS])
    assert merged(text, [HEAD, JOBS], "f") == text


def test_what_is_outside_the_blocks_is_kept_and_what_is_inside_is_ours() -> None:
    text = whole([HEAD, JOBS])
    edited = (
        "# mine\n"
        + text.replace("\njobs:\n", "\nenv:\n  A: 1\njobs:\n").replace("run: 1", "run: broken")
        + "  mine:\n    run: 2\n"
    )
    fresh = merged(edited, [HEAD, Block("jobs", "b:\n  run: 3", "\njobs:\n", 2)], "f")
    assert fresh.startswith("# mine\n")
    assert "\nenv:\n  A: 1\njobs:\n" in fresh
    assert fresh.endswith("  mine:\n    run: 2\n")
    assert "  b:\n    run: 3\n" in fresh
    assert "broken" not in fresh
    assert "run: 1" not in fresh


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("# mldeploy:end head", "#"),
        lambda text: text.replace("# mldeploy:begin jobs", "#"),
        lambda text: text + text,
        lambda text: text.replace("# mldeploy:end jobs", "# mldeploy:end job"),
    ],
    ids=["no end", "no begin", "doubled", "another name"],
)
def test_markers_that_do_not_match_stop_it(spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SpecError, match=r"^f: the markers of mldeploy's blocks do not match$"):
        merged(spoil(whole([HEAD, JOBS])), [HEAD, JOBS], "f")


def test_a_file_of_somebody_else_is_not_touched() -> None:
    with pytest.raises(SpecError, match="f has no block head and no block jobs; it is not touched"):
        merged("name: mine\n", [HEAD, JOBS], "f")
