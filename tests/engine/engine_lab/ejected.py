"""`python ejected.py FOLDER STACK`: preview an ejected program as its language host would run it, and expect no change.

The Python language host comes with Pulumi's own download only, so `run` is called in this process instead. Nothing
of mldeploy may be imported by it.
"""

import importlib.util
import sys
from pathlib import Path

from pulumi import automation as auto


def main(folder: Path, name: str) -> None:
    """Exits non-zero when anything would change."""
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location("ejected_program", folder / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    workspace = auto.LocalWorkspace(
        work_dir=str(folder), program=lambda: program.run(name.rpartition(".")[2]), secrets_provider="passphrase"
    )
    result = auto.Stack.select(name, workspace).preview(expect_no_changes=True)
    foreign = [module for module in sys.modules if module.partition(".")[0] == "mldeploy"]
    assert foreign == [], foreign
    print(dict(result.change_summary))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
