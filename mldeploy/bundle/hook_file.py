"""The user's hook file, checked without running it: it parses, defines what its format calls, and needs no file beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mldeploy.errors import ModelError

REQUIRED = {"python": ("load", "predict")}
OPTIONAL = ("preprocess", "postprocess")


def check_hook(path: Path, model_format: str) -> None:
    """Raise ModelError when the hook cannot work: a syntax error, a missing function, an import of a file left behind."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ModelError(
            f"{path}:{line}: the hook is not valid Python: {getattr(error, 'msg', error)}",
            "mend that line and run the command again",
        ) from error
    names, is_open = set(_bound_names(tree)), any(_is_star(node) for node in ast.walk(tree))
    required = REQUIRED.get(model_format, ())
    missing = [name for name in required if name not in names]
    if missing and not is_open:
        raise ModelError(
            f"{path}: the hook defines no {' and no '.join(missing)}", "define load(model_dir) and predict(model, inputs)"
        )
    if not required and not is_open and not names.intersection(OPTIONAL):
        raise ModelError(
            f"{path}: the hook defines neither preprocess nor postprocess",
            f"define one of them; load and predict are called for `format: python` only, and this model is {model_format}",
        )
    for module, line in _imports(tree):
        if (path.parent / f"{module}.py").is_file() or (path.parent / module / "__init__.py").is_file():
            raise ModelError(
                f"{path}:{line}: the hook imports {module!r} from beside it; a bundle holds one hook file",
                f"put the code of {module} into {path.name}, or install it as a package",
            )


def _is_star(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)


def _bound_names(tree: ast.Module) -> Iterator[str]:
    """Names that the module binds at its top level, in ifs and tries too."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        else:
            pending.extend(child for child in ast.walk(node) if isinstance(child, ast.stmt) and child is not node)


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0] if not node.level else (node.module or node.names[0].name), node.lineno
