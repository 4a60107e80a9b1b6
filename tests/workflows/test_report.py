"""The comment from real documents: what `preview --json` prints is what `ci report` reads."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mldeploy.cli.__main__ import main

if TYPE_CHECKING:
    from conftest import Repository


def printed(*args: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(list(args)) == 0
    return out.getvalue()


def test_resources_and_cost_are_those_of_the_preview(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLDEPLOY_STATE_DIR", str(repository.state / "mldeploy"))
    spec, documents = repository.folder / "mldeploy.yaml", tmp_path / "documents"
    documents.mkdir()

    def previewed(kind: str) -> None:
        (documents / f"aws.{kind}.json").write_text(
            printed("--json", "preview", "--offline", "--cloud", "aws", "-f", str(spec))
        )

    previewed("base")
    spec.write_text(
        spec.read_text().replace("  aws: {region: eu-central-1}", "  aws: {provisioned_concurrency: 2, alarms: {}}")
    )
    previewed("preview")
    text = printed("ci", "report", "--model", "digits", "--expect", "aws", str(documents))
    row = next(line for line in text.splitlines() if line.startswith("| `aws`"))
    _, _, resources, fixed, month, image, _ = (cell.strip() for cell in row.split("|"))
    assert resources.endswith(" to create")
    assert fixed.startswith("$")
    assert "(+$" in fixed, "two environments that are kept warm cost more than none"
    assert (month, image) == ("unknown", "unknown")  # the spec has no workload; nothing was built
    assert "- create `" in text
