"""Toy Cloud: a whole provider in three short files, brought by a package of its own.

It "deploys" by running the common runtime on this machine. What a real cloud adds is how it builds and starts, not what it is.
"""

from toycloud.provider import provider as provider
