"""What the types cannot say of `workload:`: one figure for the traffic, a curve without gaps, times that fit together."""

from __future__ import annotations

from collections.abc import Iterator

from mldeploy.spec.node import Node, Path

Finding = tuple[Path, str, str]

BASE: Path = ("workload",)
HOURS = (24, 168)


def problems(root: Node) -> Iterator[Finding]:
    """Every rule that the section breaks: path, what is wrong, what to do."""
    section = root.at(*BASE)
    if section is None or not isinstance(section.value, dict):
        return
    given = [key for key in ("requests", "peak_per_s") if _value(root, key) is not None]
    if not given:
        yield BASE, "says nothing of how many requests", "add `requests:` (a month), or `peak_per_s:` (in the busiest hour)"
    if len(given) == 2:
        yield (*BASE, "peak_per_s"), "says again what `requests` says", "delete one of the two"
    yield from _curve(root)
    yield from _times(root)


def _curve(root: Node) -> Iterator[Finding]:
    path = (*BASE, "curve")
    node = root.at(*path)
    if node is None or not isinstance(node.value, list):
        return
    if len(node.value) not in HOURS:
        yield (
            path,
            f"has {len(node.value)} numbers, so that some hours have none or several",
            "write 24 (a day) or 168 (a week)",
        )
    rates = [root.at(*path, hour) for hour in range(len(node.value))]
    if rates and all(rate is not None and rate.value in (0, 0.0) for rate in rates):
        yield path, "is zero in every hour", "write what part of the traffic each hour has"


def _times(root: Node) -> Iterator[Finding]:
    duration, cpu = _value(root, "duration_ms"), _value(root, "cpu_ms")
    if isinstance(cpu, (int, float)) and duration is None:
        yield (*BASE, "cpu_ms"), "stands alone", "add `duration_ms:`, or delete it: a measurement knows both"
    elif isinstance(cpu, (int, float)) and isinstance(duration, (int, float)) and cpu > duration:
        yield (
            (*BASE, "cpu_ms"),
            f"{cpu:g} does not fit into duration_ms {duration:g}",
            "write what part of it is processor time",
        )


def _value(root: Node, key: str) -> object:
    node = root.at(*BASE, key)
    return None if node is None else node.value
