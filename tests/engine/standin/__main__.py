"""`python -m standin gcp`: the plugin process."""

from __future__ import annotations

import sys

from plugin.serving import serve

from standin.bodies import body_check
from standin.clouds import CLOUDS
from standin.servicer import StandInServicer

if __name__ == "__main__":
    cloud = CLOUDS[sys.argv[1]]
    serve(StandInServicer(cloud, body_check(cloud.plugin)))
