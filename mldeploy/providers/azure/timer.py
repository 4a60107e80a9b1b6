"""Five cron fields as the Functions timer reads them: six fields, seconds first, days of month *and* week. Pure."""

from __future__ import annotations

import re

_RANGES = {"minute": (0, 59), "hour": (0, 23), "day of month": (1, 31), "month": (1, 12), "day of week": (0, 6)}
_NAMES = {
    "month": ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    "day of week": ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_ITEM = re.compile(r"(?:\*|(?P<low>\w+)(?:-(?P<high>\w+))?)(?:/(?P<step>\d+))?")


def ncrontab(cron: str) -> str:
    """`cron` with the second 0 in front."""
    return "0 " + " ".join(cron.split())


def fault(cron: str) -> tuple[str, str] | None:
    """What the timer would not read, or would read otherwise than cron does, and the fix; None when there is nothing."""
    fields = dict(zip(_RANGES, cron.split(), strict=True))
    for name, text in fields.items():
        wrong = next((item for item in text.split(",") if not _is_item(item, name)), None)
        if name == "day of week" and wrong and "7" in wrong:
            return f"{wrong!r}: the timer counts the days of the week from 0 (Sunday) to 6", "write 0 for Sunday"
        if wrong is not None:
            low, high = _RANGES[name]
            return f"{wrong!r} is no {name}", f"write numbers from {low} to {high}, lists, ranges or steps, as in crontab"
    if fields["day of month"] != "*" and fields["day of week"] != "*":
        return (
            "says days of the month and of the week: cron fires on either, the timer only where both hold",
            "leave one of them *",
        )
    return None


def _is_item(item: str, field: str) -> bool:
    match = _ITEM.fullmatch(item)
    if match is None or match["step"] == "0":
        return False
    values = [_value(text, field) for text in (match["low"], match["high"]) if text is not None]
    low, high = _RANGES[field]
    return all(value is not None and low <= value <= high for value in values) and values == sorted(
        values, key=lambda v: v or 0
    )


def _value(text: str, field: str) -> int | None:
    names = _NAMES.get(field, [])
    if text.isdecimal():
        return int(text)
    if text.lower() not in names:
        return None
    return names.index(text.lower()) + _RANGES[field][0]
