"""A crontab line as EventBridge Scheduler writes it. Pure.

    minute hour day month weekday          cron(minute hour day month weekday year), where day or weekday is "?"
    "0 6 * * 1-5"                     ─▶   cron(0 6 ? * MON,TUE,WED,THU,FRI *)

Weekdays are 0-7 from Sunday in a crontab, 1-7 from Sunday here: names mean the same in both.
Source: docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html, read 2026-11-21.
"""

from __future__ import annotations

import re

WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_PART = re.compile(r"(?P<first>\*|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")


def expression(crontab: str) -> str:
    """The schedule's expression. Raises ValueError with what is wrong in the crontab line."""
    fields = crontab.split()
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} fields, and needs five: minute hour day month weekday")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        raise ValueError("sets both the day of the month and the weekday, and EventBridge takes one of them")
    found = [_field(minute, "minute", 0, 59), _field(hour, "hour", 0, 23)]
    found.append("?" if weekday != "*" else _field(day, "day", 1, 31))
    found.append(_field(month, "month", 1, 12, MONTHS))
    found.append("?" if weekday == "*" else _weekdays(weekday))
    return f"cron({' '.join(found)} *)"


def _field(text: str, name: str, low: int, high: int, names: tuple[str, ...] = ()) -> str:
    """The field's values as a list, "*" for all of them."""
    values = _values(text, name, low, high, names)
    return "*" if text == "*" else ",".join(map(str, values))


def _weekdays(text: str) -> str:
    days = sorted({value % 7 for value in _values(text, "weekday", 0, 7, WEEKDAYS)})
    return ",".join(WEEKDAYS[day] for day in days)


def _values(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> list[int]:
    """Every value that a field stands for, in order."""
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{name} {part!r} is not a number, a range, a list or a step")
        first, last, step = match["first"], match["last"], int(match["step"] or 1)
        if first == "*" and last:
            raise ValueError(f"{name} {part!r} is not a range")
        if step < 1:
            raise ValueError(f"{name} {part!r} has the step 0")
        start = low if first == "*" else _number(first, name, low, high, names)
        is_open = first == "*" or (last is None and match["step"] is not None)
        stop = high if is_open else _number(last or first, name, low, high, names)
        if stop < start:
            raise ValueError(f"{name} {part!r} ends before it begins")
        found.update(range(start, stop + 1, step))
    return sorted(found)


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + low
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{name} {text!r} is not from {low} to {high}")
    return int(text)
