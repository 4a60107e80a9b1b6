"""The table of rights: how it is read, what it refuses, what of it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mldeploy.errors import DeployError
from mldeploy.iam import table
from mldeploy.iam.table import Row

ALWAYS = Row((), ("*",), ("who:AmI",), "it knows no resources")
ROWS = (ALWAYS, Row(("x:Queue",), ("q/{queue}",), ("q:Make", "q:Remove")), Row(("x:Topic",), ("t",), ("t:Make",)))


def test_rows_are_read_with_what_else_a_cloud_writes(tmp_path: Path) -> None:
    file = tmp_path / "iam.toml"
    file.write_text('[[grant]]\nkinds = ["x:Queue"]\non = ["q/{queue}"]\nactions = ["q:Make"]\npassed_to = "q"\n')
    assert table.read(file) == (Row(("x:Queue",), ("q/{queue}",), ("q:Make",), "", {"passed_to": "q"}),)


@pytest.mark.parametrize("actions", ['["q:*"]', '["q:Make", "q:Get*"]', "[]"])
def test_a_wildcard_or_nothing_is_refused(actions: str, tmp_path: Path) -> None:
    file = tmp_path / "iam.toml"
    file.write_text(f'[[grant]]\nkinds = []\nactions = {actions}\nbecause = ""\n')
    with pytest.raises(ValueError, match="without a wildcard"):
        table.read(file)


def test_what_is_needed_is_what_is_asked_for_and_what_always_is() -> None:
    assert table.needed(ROWS, ["x:Queue", "x:Queue"]) == ROWS[:2]
    assert table.needed(ROWS, []) == (ALWAYS,)
    assert table.kinds(ROWS) == {"x:Queue", "x:Topic"}


def test_an_unknown_type_is_no_empty_right() -> None:
    with pytest.raises(DeployError, match="x:Stack") as caught:
        table.needed(ROWS, ["x:Queue", "x:Stack"])
    assert "x:Queue" not in caught.value.message
