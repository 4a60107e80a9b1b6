"""How to write a value of the wrong type: `512MB` is 512 in a key that ends in _mb, `yes` is true, 1.10 needs quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mldeploy.spec.node import Node

_MEASURE = re.compile(r"\s*([0-9][0-9_, ]*(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
# key suffix -> unit as people write it -> factor
_UNITS: dict[str, dict[str, float]] = {
    "_mb": {"": 1, "m": 1, "mb": 1, "mi": 1, "mib": 1, "g": 1024, "gb": 1024, "gi": 1024, "gib": 1024},
    "_s": {
        "": 1,
        "s": 1,
        "sec": 1,
        "secs": 1,
        "second": 1,
        "seconds": 1,
        "m": 60,
        "min": 60,
        "minute": 60,
        "minutes": 60,
        "ms": 0.001,
        "h": 3600,
    },
}
_TRUTH = {
    "yes": "true",
    "on": "true",
    "true": "true",
    "y": "true",
    "1": "true",
    "no": "false",
    "off": "false",
    "false": "false",
    "n": "false",
    "0": "false",
}
_INSTEAD = {
    "text": "write text, in quotes when it looks like a number",
    "a whole number": "write digits only",
    "a number": "write a number such as 0.5",
    "true or false": "write true or false",
    "a list": "write a list: [a, b], or one `- item` a line",
    "nothing": "delete the value",
}


def rewrite(node: Node, wanted: Sequence[str], key: str) -> str:
    """What to write at `key` instead of `node`, which is none of the kinds in `wanted`."""
    value = node.value
    is_collection = isinstance(value, (dict, list))
    if "text" in wanted and node.text and not is_collection and value is not None:
        return f'write it in quotes: "{node.text}"'
    if (
        any("number" in kind for kind in wanted)
        and isinstance(value, (str, float))
        and (number := _number(str(value), wanted, key))
    ):
        return number
    if "true or false" in wanted and not is_collection and (truth := _TRUTH.get(str(value).lower())):
        return f"write {truth}" + (" without quotes" if isinstance(value, str) and not node.text else "")
    if list(wanted) == ["a list"] and isinstance(value, dict):
        return "start each entry with '- '"
    if list(wanted) == ["a list"] and not is_collection and value is not None:
        return f"write [{node.text or value}]"
    if value is None:
        return "write a value, or delete the line"
    return _INSTEAD.get(wanted[0], "write its keys on the lines below, indented")


def _number(text: str, wanted: Sequence[str], key: str) -> str | None:
    """The advice for a number that carries its unit, quotes, or separators; None when it is no number at all."""
    match = _MEASURE.fullmatch(text)
    if match is None:
        return None
    suffix = next((suffix for suffix in _UNITS if key.endswith(suffix)), "")
    unit = match[2].lower()
    factor = _UNITS.get(suffix, {"": 1}).get(unit)
    if factor is None:
        return f"write the number alone; the unit is in the key ({suffix})" if suffix else "write the number alone"
    amount = float(re.sub("[_, ]", "", match[1])) * factor
    if not amount.is_integer() and "a number" not in wanted:
        return "write a whole number"
    shown = f"{amount:g}" if amount < 1e6 else f"{amount:.0f}"
    return f"write {shown}" + (f"; the unit is in the key ({suffix})" if unit and suffix else "")
