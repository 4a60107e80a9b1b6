"""What the documents promise: the README's commands, their links, and that CI runs what newcomers are told to run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATTERNS = ("*.md", "docs/**/*.md", "examples/**/*.md", "requirements/*.md")
DOCUMENTS = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))


def command(marker: str) -> str:
    found = re.search(rf"<!-- {marker} -->\n```sh\n(.+)\n```", (ROOT / "README.md").read_text())
    assert found, f"README.md has no {marker}"
    return found[1]


def test_the_first_command_serves_an_example_that_exists() -> None:
    line = command("run-command")
    assert "pip install" in line
    spec = re.search(r"up --cloud local -f (\S+)", line)
    assert spec
    assert (ROOT / spec[1]).is_file()


def test_ci_runs_the_second_command() -> None:
    line = command("test-command")
    assert line.endswith("-m pytest -q -n 2 --dist loadgroup")
    script = (ROOT / ".ci/run").read_text()
    assert "<!-- test-command -->" in script
    assert 'bash -euo pipefail -c "$command"' in script


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text()):
        if not re.match(r"[a-z]+:", target):
            assert (path.parent / target).exists(), f"{path.name} links to {target}, which is not there"
