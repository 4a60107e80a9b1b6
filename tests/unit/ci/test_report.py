"""The comment of a pull request: differences where both sides are known, "unknown" where one is not, names that stay names."""

from __future__ import annotations

from typing import Any

from mldeploy.ci.report import MAX_CHANGES, Found, markdown


def preview(
    fixed: str | None = "7.88", month: str | None = "12.5", changes: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    told = {"changes": changes if changes is not None else [], "basis": "b"}
    return {"preview": told, "cost": {"fixed_monthly_usd": fixed, "monthly_usd": month}}


def change(action: str, name: str = "n", *reasons: str) -> dict[str, Any]:
    return {"action": action, "kind": "k", "name": name, "reasons": reasons}


def row(found: Found) -> list[str]:
    line = next(line for line in markdown("digits", [found]).splitlines() if line.startswith("| `"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_differences_are_told_against_the_base() -> None:
    changes = [change("same"), change("create"), change("update"), change("update"), change("replace")]
    found = Found(
        "aws", preview(changes=changes), preview("5.00", "12.5"), {"size_bytes": 201_300_000}, {"size_bytes": 200_000_000}
    )
    assert row(found) == [
        "`aws`",
        "1 to replace, 1 to create, 2 to update",
        "$7.88 (+$2.88)",
        "$12.50 (no change)",
        "201.3 MB (+1.3 MB)",
    ]


def test_less_is_told_as_less() -> None:
    found = Found("aws", preview("1.00"), preview("5.00"), {"size_bytes": 1_000_000}, {"size_bytes": 3_500_000})
    assert row(found)[1:] == ["no change", "$1.00 (−$4.00)", "$12.50 (no change)", "1.0 MB (-2.5 MB)"]


def test_without_a_base_there_is_no_difference() -> None:
    assert row(Found("aws", preview(), image={"size_bytes": 1_000_000}))[2:] == ["$7.88", "$12.50", "1.0 MB"]


def test_what_failed_or_is_missing_is_unknown_and_not_nothing() -> None:
    failed = {"error": {"type": "DeployError", "message": "m"}, "problems": []}
    unknown = ["unknown"] * 4
    assert row(Found("aws"))[1:] == unknown
    assert row(Found("aws", failed, failed, failed, failed))[1:] == unknown
    assert row(Found("aws", preview(None, None), preview()))[2:4] == ["unknown", "unknown"]


def test_the_worst_changes_come_first_and_long_lists_end() -> None:
    changes = [change("create", f"c{i}") for i in range(MAX_CHANGES)] + [change("delete", "gone"), change("same", "kept")]
    lines = [
        line for line in markdown("digits", [Found("aws", preview(changes=changes))]).splitlines() if line.startswith("- ")
    ]
    assert lines[0] == "- delete `k` `gone`"
    assert lines[-1] == "- and 1 more"
    assert "kept" not in "".join(lines)


def test_reasons_are_told() -> None:
    text = markdown("digits", [Found("aws", preview(changes=[change("update", "f", "memory_mb 1024 → 2048")]))])
    assert "- update `k` `f`: `memory_mb 1024 → 2048`" in text


def test_names_cannot_leave_their_code_span() -> None:
    evil = "x` @everyone <img src=y>\n\n| a | [l](http://e)"
    text = markdown("digits", [Found("aws", preview(changes=[change("create", evil, evil * 99)]))])
    line = next(line for line in text.splitlines() if line.startswith("- create"))
    spans = line.split("`")
    assert len(spans) == 7  # three spans: kind, name, reason
    assert "".join(spans[::2]) == "- create  : "
    assert len(line) < 400


def test_the_comment_is_found_again_by_its_first_line() -> None:
    assert markdown("digits", []).splitlines()[0] == "<!-- mldeploy: digits -->"
