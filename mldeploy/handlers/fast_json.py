"""orjson, imported without the standard modules that only its unused types need.

On import orjson looks up `dataclasses.Field`, `uuid.UUID` and `zoneinfo.ZoneInfo`, so that it can serialise such values.
Those three modules (and `inspect`, `platform`, `ast` behind them) double the start-up time of a small runtime: 10 of 20 ms
measured. The runtime serialises none of them, so they are stood in for while orjson is imported and then left as if nothing
had been.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def _stand_ins() -> dict[str, ModuleType]:
    modules = {}
    for name, attribute in (("dataclasses", "_FIELD"), ("uuid", "UUID"), ("zoneinfo", "ZoneInfo")):
        if name not in sys.modules:
            module = ModuleType(name)
            setattr(module, attribute, type(attribute, (), {}))
            modules[name] = module
    return modules


def load() -> Any:
    """The module `orjson`."""
    if "orjson" in sys.modules:
        return sys.modules["orjson"]
    modules = _stand_ins()
    sys.modules.update(modules)
    try:
        import orjson
    finally:
        for name in modules:
            del sys.modules[name]
    return orjson
