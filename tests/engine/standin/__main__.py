"""`python -m standin`: the plugin process. MLDEPLOY_TEST_STANDIN names the plugin that it stands in for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from plugin.serving import serve

from standin.bodies import body_check
from standin.clouds import CLOUDS
from standin.servicer import StandInServicer

if __name__ == "__main__":
    name = Path(sys.argv[0]).name.removeprefix("pulumi-resource-")
    cloud = CLOUDS[os.environ.get("MLDEPLOY_TEST_STANDIN", name)]
    serve(StandInServicer(cloud, body_check(cloud.plugin)))
