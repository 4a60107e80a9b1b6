"""The YAML library's complaints in words for a person who has never read the YAML standard, by a table."""

from __future__ import annotations

from mldeploy.errors import Problem

# (part of the library's message, what is wrong, what to do), first match wins. The tab is recognised by the character itself.
_TABLE = (
    (
        "mapping values are not allowed",
        "a ':' where no key can stand",
        "check the indentation, and put text that holds ': ' in quotes",
    ),
    ("block sequence entries are not allowed", "a '- ' where no list can stand", "start the list on a line of its own"),
    (
        "could not find expected ':'",
        "a line that is neither `key: value` nor `- item`",
        "add the ':' or delete the line before",
    ),
    ("found unexpected end of stream", "a quote that is opened and never closed", "close the quote"),
    ("unknown escape character", "a backslash that means nothing inside double quotes", "use single quotes, or write \\\\"),
    ("escape code", "an escape that is no character", "use single quotes, or write \\\\"),
    ("expected ',' or ']'", "a list that is opened with '[' and never closed", "add the ']' or the missing ','"),
    ("expected ',' or '}'", "a map that is opened with '{' and never closed", "add the '}' or the missing ','"),
    (
        "did not find expected '-' indicator",
        "a line that is not part of the list above it",
        "start it with '- ', or fix its indentation",
    ),
    ("expected <block end>, but found '-'", "a line that is not part of what is above it", "fix its indentation"),
    (
        "did not find expected key",
        "something that belongs to no key",
        "check quotes and indentation here and on the line before",
    ),
    ("expected <block end>", "something that belongs to no key", "check quotes and indentation here and on the line before"),
    ("cannot start any token", "text that starts with a reserved character", "put it in quotes"),
    ("expected node content", "something that is no value", "close the '[' or '{' before it, or put the text in quotes"),
    ("incompatible", "a %YAML line that asks for another version of YAML", "delete the line"),
    ("directive", "a line that starts with '%'", "delete the line, or put the text in quotes"),
    ("tag", "a tag; a spec takes none", "delete it, or put text that starts with '!' in quotes"),
)


def explain(error: Exception, text: str, file: str) -> Problem:
    """One Problem for a syntax error, placed within the file."""
    said = str(getattr(error, "problem", None) or error)
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    lines = text.splitlines() or [""]
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if line >= len(lines):
        # The library noticed at the very end; the place where the open thing starts says more.
        start = getattr(error, "context_mark", None)
        line, column = (start.line, start.column) if start is not None and start.line < len(lines) else (len(lines) - 1, 0)
    if "\t" in lines[line][: column + 1] or (column == 0 and lines[line].startswith("\t")):
        return Problem(
            file,
            line + 1,
            lines[line].index("\t") + 1,
            "",
            "a tab; YAML is indented with spaces",
            "replace it by spaces (two a level)",
        )
    what, fix = next(
        ((what, fix) for part, what, fix in _TABLE if part in said), (f"is not YAML: {said}", "fix the syntax here")
    )
    return Problem(file, line + 1, min(column, len(lines[line])) + 1, "", what, fix)
