"""Filling the workflow templates, files of `mldeploy/templates/ci` with `<<name>>` where a value belongs.

A value alone on its line keeps that line's indentation in all of its own lines, and an empty one takes the line with it.
`<<action NAME>>` is a pinned action. A name without a value is a defect, never an empty place: GitHub's own `${{ … }}` passes
through untouched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files

from mldeploy.ci.pins import ACTIONS

_LINE = re.compile(r"^( *)<<(\w+)>>(?:\n|\Z)", re.MULTILINE)
_PLACE = re.compile(r"<<(\w+)(?: ([\w/-]+))?>>")


def fill(name: str, values: Mapping[str, str]) -> str:
    """The template `name` with `values`. Raises KeyError for a place that none of them fills."""
    text = (files("mldeploy") / "templates" / "ci" / f"{name}.yml").read_text(encoding="utf-8").rstrip("\n")

    def block(match: re.Match[str]) -> str:
        lines = values[match[2]].splitlines()
        return "".join(f"{match[1]}{line}\n" if line else "\n" for line in lines)

    def place(match: re.Match[str]) -> str:
        return ACTIONS[match[2]].uses if match[1] == "action" else values[match[1]]

    return _PLACE.sub(place, _LINE.sub(block, text)).rstrip("\n")


def mapping(values: Mapping[str, str]) -> str:
    """`key: "value"` lines. JSON's strings are YAML's."""
    return "\n".join(f"{key}: {scalar(value)}" for key, value in values.items())


def scalar(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
