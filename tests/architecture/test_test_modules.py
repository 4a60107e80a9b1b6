"""Folders of tests put themselves on sys.path for what they share: no two may call a module alike, or the first import wins."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parents[1]
_PUTS = re.compile(r"sys\.path(\.insert|\[:0\]|\.append)")


def shared(folder: Path) -> set[str]:
    """What `import` finds in a folder, besides tests, which pytest imports by their paths."""
    modules = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__main__.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in modules | packages if not name.startswith(("test_", "__")) and name != "conftest"}


def imported(folder: Path) -> set[str]:
    """Names that the tests of a folder import by `import NAME` or `from NAME import`."""
    texts = [path.read_text() for path in folder.rglob("*.py")]
    return {name for text in texts for name in re.findall(r"^\s*(?:from|import) (\w+)", text, re.MULTILINE)}


def test_no_two_folders_share_a_modules_name() -> None:
    folders = [path.parent for path in TESTS.rglob("conftest.py") if _PUTS.search(path.read_text())]
    homes: dict[str, list[str]] = defaultdict(list)
    for folder in folders:
        for name in shared(folder) & imported(folder):
            homes[name].append(str(folder.relative_to(TESTS)))
    assert len(folders) > 3
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_nobody_imports_a_conftest() -> None:
    """There are many of that name; which one it is depends on what was collected before. A type checker does not care."""
    found = [
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if re.search(r"(?<!if TYPE_CHECKING:)\n\s*(from conftest import|import conftest)\b", path.read_text())
    ]
    assert found == []
