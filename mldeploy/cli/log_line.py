"""One structured log line of the runtime, laid out for reading. A line that is not one stays as it is."""

from __future__ import annotations

import json
from typing import Any

from mldeploy.cli.layout import milliseconds
from mldeploy.cli.terminal import Terminal, printable


def readable(line: str, terminal: Terminal) -> str:
    """`09:14:03  200  POST /predict  12 ms (decode 2, infer 9, encode 1)  7d1f…`, whatever of it the line has."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or "status" not in record:
        return printable(line)
    status = int(record["status"]) if str(record["status"]).isdigit() else 0
    color = "green" if status < 400 else "yellow" if status < 500 else "red"
    parts = [
        terminal.style(_clock(record), "dim"),
        terminal.style(str(record["status"]), color),
        f"{record.get('method', '')} {record.get('path', '')}".strip(),
        _times(record),
        str(record.get("error") or record.get("detail") or record.get("problem") or ""),
        terminal.style(str(record.get("request_id") or record.get("id") or ""), "dim"),
    ]
    return "  ".join(part if "\x1b" in part else printable(part) for part in parts if part)


def _clock(record: dict[str, Any]) -> str:
    """The time of day of an ISO 8601 time."""
    text = str(record.get("time") or record.get("ts") or "")
    return text[11:19] if len(text) >= 19 and text[10:11] in ("T", " ") else text


def _times(record: dict[str, Any]) -> str:
    named = {name: record[f"{name}_ms"] for name in ("queue", "decode", "infer", "encode")
             if isinstance(record.get(f"{name}_ms"), (int, float))}
    if not named:
        return ""
    return f"{milliseconds(sum(named.values()))} ms ({', '.join(f'{k} {milliseconds(v)}' for k, v in named.items())})"
