"""Runs in a build stage, on the base image's own Python: one .pyc beside each module, the same bytes on every run.

    python3 compile_tree.py /tree        /tree/opt/x.py ─▶ /tree/opt/__pycache__/x.cpython-313.pyc, which says it is /opt/x.py

The .pyc are never checked against the clock or their source (unchecked-hash): the image does not change. What does not compile
(a template among some package's files) stays as it is, as for any installer. Times are set to those of the rest.
"""

import os
import py_compile
import sys

TIME_S = 315_532_800


def main(tree: str) -> None:
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            if name.endswith(".py"):
                _compile(f"{folder}/{name}", tree)
    for folder, _, names in os.walk(tree, topdown=False):
        for name in [*(n for n in names if n.endswith(".pyc")), "."]:
            os.utime(f"{folder}/{name}", (TIME_S, TIME_S))


def _compile(path: str, tree: str) -> None:
    try:
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(path, dfile=path.removeprefix(tree), doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, SyntaxError, ValueError) as error:
        sys.stderr.write(f"not compiled: {path.removeprefix(tree)}: {type(error).__name__}\n")


main(sys.argv[1].rstrip("/"))
