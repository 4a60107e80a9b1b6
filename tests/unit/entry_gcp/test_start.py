"""What a cold start on Cloud Run does not import."""

from __future__ import annotations

import subprocess
import sys


def test_a_start_leaves_out_what_only_events_need() -> None:
    code = (
        "import sys; had = set(sys.modules); "  # a coverage measurement brings modules of its own
        "import mldeploy.providers.gcp.entry.server; import mldeploy.providers.gcp.entry.runtime; "
        "print(sorted((set(sys.modules) - had) & {'http.client', 'ssl', 'email', 'flask', 'logging', 'dataclasses', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
