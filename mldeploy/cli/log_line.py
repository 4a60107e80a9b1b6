"""One structured log line of the runtime, laid out for reading. A line that is not one stays as it is."""

from __future__ import annotations

import json
from typing import Any

from mldeploy.cli.layout import milliseconds
from mldeploy.cli.terminal import Terminal, printable


def readable(line: str, terminal: Terminal) -> str:
    """`09:14:03  200  POST /predict  12 ms (decode 2, infer 9, encode 1)  7d1f…`; an event as its name and facts."""
    try:
        record = json.loads(line)
        return _event(record, terminal) if record["event"] != "request" else _request(record, terminal)
    except (ValueError, KeyError, TypeError):
        return printable(line)


def _event(record: dict[str, Any], terminal: Terminal) -> str:
    known = {"ts", "level", "model", "stage", "event", "traceback"}
    facts = "  ".join(f"{name} {value}" for name, value in record.items() if name not in known)
    color = "red" if record.get("level") == "error" else "cyan"
    trace = "".join(f"\n  {printable(line)}" for line in str(record.get("traceback", "")).splitlines())
    name = terminal.style(printable(str(record["event"])), color)
    return f"{terminal.style(_clock(record), 'dim')}  {name}  {printable(facts)}{trace}"


def _request(record: dict[str, Any], terminal: Terminal) -> str:
    status = int(record["status"])
    color = "green" if status < 400 else "yellow" if status < 500 else "red"
    parts = [
        terminal.style(_clock(record), "dim"),
        terminal.style(str(record["status"]), color),
        f"{record.get('method', '')} {record.get('path', '')}".strip(),
        _times(record),
        str(record.get("error", "")),
        terminal.style(str(record.get("request_id", "")), "dim"),
    ]
    return "  ".join(part if "\x1b" in part else printable(part) for part in parts if part)


def _clock(record: dict[str, Any]) -> str:
    """The time of day of an ISO 8601 time."""
    text = str(record.get("ts", ""))
    return text[11:19] if len(text) >= 19 and text[10:11] in ("T", " ") else text


def _times(record: dict[str, Any]) -> str:
    named = {name: record[f"ms_{name}"] for name in ("queue", "decode", "infer", "encode") if f"ms_{name}" in record}
    total = record.get("ms_total", sum(named.values()))
    inner = ", ".join(f"{name} {milliseconds(value)}" for name, value in named.items())
    return f"{milliseconds(total)} ms" + (f" ({inner})" if inner else "")
