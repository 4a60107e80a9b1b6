"""A prediction's answer, for reading: the top classes with bars, or the outputs' numbers, and where the time went.

tiger cat        0.61  ██████████████████
tabby            0.22  ██████▌
12 ms (decode 2, infer 9, encode 1) · warm · request 7d1f…
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mldeploy.cli.http_call import Answer
from mldeploy.cli.layout import bar, count, milliseconds, pad, size, text_width
from mldeploy.cli.terminal import Terminal, printable

_MOST_ROWS = 20
_LONGEST_LABEL = 40


def lines(answer: Answer, terminal: Terminal) -> Iterator[str]:
    """The answer of a successful prediction."""
    document = answer.json()
    predictions = document.get("predictions") if isinstance(document, dict) else None
    outputs = document.get("outputs") if isinstance(document, dict) else None
    if isinstance(predictions, list):
        yield from _classes(predictions, terminal)
    elif isinstance(outputs, dict):
        yield from _outputs(outputs, terminal)
    else:
        yield _short(answer, terminal.width)
    yield terminal.style(timing(answer), "dim")


def timing(answer: Answer) -> str:
    """`12 ms (decode 2, infer 9, encode 1) · warm · request 7d1f…`; the total is as seen from here."""
    stages = answer.timings_ms()
    inner = ", ".join(f"{name} {milliseconds(value)}" for name, value in stages.items())
    start = answer.headers.get("x-mldeploy-start", "")
    request_id = answer.headers.get("x-request-id", "")
    parts = [
        f"{milliseconds(answer.elapsed_ms)} ms" + (f" ({inner})" if inner else ""),
        start,
        f"request {request_id}" if request_id else "",
    ]
    return printable(" · ".join(part for part in parts if part))


def problem(answer: Answer) -> str:
    """What an error answer says: the title and detail, the field meant, and what was expected."""
    document = answer.json()
    if not isinstance(document, dict) or "title" not in document:
        return f"{answer.status}: {printable(answer.body[:300].decode('utf-8', 'replace'))}"
    message = f"{answer.status} {document['title']}: {document.get('detail', '')}".rstrip(": ")
    for key in ("field", "expected"):
        text = str(document.get(key, ""))
        if text and text not in message:
            message += f"\n{key:<10}{text}"
    return "\n".join(printable(line) for line in message.split("\n"))


def _classes(rows: list[Any], terminal: Terminal) -> Iterator[str]:
    for number, row in enumerate(rows[:_MOST_ROWS], 1):
        if len(rows) > 1:
            yield terminal.style(f"row {number}", "bold")
        named = [(_label(entry), float(entry["score"])) for entry in row]
        width = max((text_width(name) for name, _ in named), default=0)
        for name, score in named:
            yield f"{pad(name, width)}  {score:.2f}  {terminal.style(bar(score), 'cyan')}".rstrip()
    if len(rows) > _MOST_ROWS:
        yield f"… and {count(len(rows) - _MOST_ROWS, 'more row')} (--json shows all)"


def _label(entry: dict[str, Any]) -> str:
    text = printable(str(entry.get("label", entry.get("index", "?"))))
    return text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"


def _outputs(outputs: dict[str, Any], terminal: Terminal) -> Iterator[str]:
    width = max((text_width(name) for name in outputs), default=0)
    room = max(20, terminal.width - width - 3)
    for name, value in outputs.items():
        rows = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
        for number, row in enumerate(rows[:_MOST_ROWS]):
            yield f"{pad(printable(name) if number == 0 else '', width)}  {_cut(_numbers(row), room)}"
        if len(rows) > _MOST_ROWS:
            yield f"{pad('', width)}  … and {count(len(rows) - _MOST_ROWS, 'more row')} (--json shows all)"


def _numbers(value: Any) -> str:
    """Nested lists with six significant figures."""
    if isinstance(value, list):
        return f"[{', '.join(_numbers(item) for item in value[:200])}{', …' if len(value) > 200 else ''}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(json.dumps(value, ensure_ascii=False))


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _short(answer: Answer, width: int) -> str:
    kind = answer.headers.get("content-type", "")
    if "json" in kind or kind.startswith("text/"):
        return _cut(printable(answer.body.decode("utf-8", "replace").strip()), 20 * width)
    return f"{size(len(answer.body))} of {printable(kind) or 'unknown type'}"
