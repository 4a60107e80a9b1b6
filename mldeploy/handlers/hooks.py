"""The user's hook file: Python from the bundle, imported under a private name, with the functions it may define.

    load(model_dir) · predict(model, inputs) · preprocess(inputs) · postprocess(outputs)

Modules beside the file can be imported; they come last on sys.path, so that they hide nothing. Whatever goes wrong is an
EngineError that says where in the user's code, with the original as its cause.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mldeploy.handlers.engines import EngineError
from mldeploy.handlers.manifest import Manifest

FUNCTIONS = ("load", "predict", "preprocess", "postprocess")


class Hooks(NamedTuple):
    """The functions that the hook file defines; None where it does not."""

    load: Callable[[Path], Any] | None = None
    predict: Callable[[Any, dict[str, Any]], Any] | None = None
    preprocess: Callable[[Any], dict[str, Any]] | None = None
    postprocess: Callable[[dict[str, Any]], Any] | None = None


def load_hooks(manifest: Manifest) -> Hooks:
    """Import the bundle's hook file. Raises EngineError when it is missing, fails, or defines none of FUNCTIONS."""
    if not manifest.hook:
        return Hooks()
    path = manifest.root / manifest.hook
    names = vars(_import(path, f"_mldeploy_hook_{manifest.fingerprint[:16]}"))
    found = {name: names[name] for name in FUNCTIONS if name in names}
    if not found:
        raise EngineError(f"{manifest.hook} defines none of the functions {', '.join(FUNCTIONS)}")
    for name, function in found.items():
        if not callable(function):
            raise EngineError(f"{manifest.hook}: {name} is a {type(function).__name__}, not a function")
    return Hooks(**found)


def call(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the user's code. Whatever it raises, sys.exit() included, becomes an EngineError that names the line."""
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise EngineError(f"{_where(path, error)}: {_what(error)}") from error


def _import(path: Path, name: str) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise EngineError(f"the hook {path.name} is not a Python file in the bundle")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        call(path, spec.loader.exec_module, module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _what(error: BaseException) -> str:
    text = str(error) if not isinstance(error, SyntaxError) else error.msg
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _where(path: Path, error: BaseException) -> str:
    """The last line of the hook file (or of a module beside it) that the error passed through, as "hook.py:12"."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    where, step = path.name, error.__traceback__
    while step is not None:
        file = Path(step.tb_frame.f_code.co_filename)
        if file.parent == path.parent:
            where = f"{file.name}:{step.tb_lineno}"
        step = step.tb_next
    return where
