"""The control plane of a stand-in cloud, a process of its own.

    python -m standin.control '{"cloud": "gcp", "api": 8001, "door": 8002, "certificate": "…", "key": "…", "scope": {…}}'

/standin/… is for the plugin and the tests, everything else plays the cloud's REST API, the door is where services answer (TLS).
"""

from __future__ import annotations

import json
import signal
import ssl
import sys
import threading
from dataclasses import asdict
from typing import Any

from standin.azure_cloud import AzureCloud
from standin.containers import Engine
from standin.gcp_cloud import GcpCloud
from standin.kind import Scope
from standin.personality import Personality, World
from standin.revisions import Services
from standin.store import ConflictError, Fault, Record, open_store
from standin.web import Answer, Asked, Routes, serve

PERSONALITIES = {"gcp": GcpCloud, "azure-native": AzureCloud}


class ControlPlane:
    """Answers the plugin and the tests."""

    def __init__(self, world: World, personality: Personality) -> None:
        self._world = world
        self._store = world.store
        self._personality = personality

    def route(self, routes: Routes) -> None:
        """POST /standin/<verb>."""
        for verb in ("configure", "create", "update", "read", "delete", "invoke", "all", "fault", "drift", "lose"):
            routes.add("POST", f"/standin/{verb}", self._guarded(getattr(self, f"_{verb}")))
        self._personality.route(routes)

    @staticmethod
    def _guarded(handler: Any) -> Any:
        def answer(asked: Asked) -> Answer:
            document = asked.json()
            document.pop("cloud", None)
            try:
                return Answer(handler(**document))
            except ConflictError as error:
                return Answer(str(error).encode(), 409)

        return answer

    def _configure(self, config: dict[str, str]) -> Any:
        self._world.config.update(config)
        return {}

    def _create(self, token: str, urn: str, inputs: dict[str, Any]) -> Any:
        return self._shown(self._store.create(token, urn, inputs, self._personality.settle))

    def _update(self, token: str, urn: str, id: str, inputs: dict[str, Any]) -> Any:  # noqa: A002 - the name on the wire
        return self._shown(self._store.update(token, urn, id, inputs, self._personality.settle))

    def _read(self, token: str, id: str, urn: str = "") -> Any:  # noqa: A002 - the name on the wire
        record = self._store.read(token, id)
        return self._shown(record) if record else {}

    def _delete(self, token: str, id: str, urn: str = "") -> Any:  # noqa: A002 - the name on the wire
        record = self._store.delete(token, id)
        if record:
            self._personality.removed(record)
        return {}

    def _invoke(self, token: str, arguments: dict[str, Any]) -> Any:
        return dict(self._personality.invoke(token, arguments))

    def _all(self) -> Any:
        return {"resources": [asdict(record) for record in self._store.of("")]}

    def _fault(self, urn: str, message: str, times: int = 1) -> Any:
        self._store.faults = [fault for fault in self._store.faults if fault.urn != urn]
        self._store.faults.append(Fault(urn, message, times))
        return {}

    def _drift(self, token: str, id: str, changes: dict[str, Any]) -> Any:  # noqa: A002 - the name on the wire
        """Somebody changes inputs by hand: top-level names only."""
        record = self._store.records[token, id]
        record.inputs = {**record.inputs, **changes}
        record.outputs = {**record.outputs, **changes}
        return {}

    def _lose(self, token: str, id: str) -> Any:  # noqa: A002 - the name on the wire
        """Somebody deletes it by hand."""
        return self._delete(token, id)

    @staticmethod
    def _shown(record: Record) -> dict[str, Any]:
        return {"id": record.physical_id, "inputs": record.inputs, "outputs": record.outputs}


def main(arguments: dict[str, Any]) -> None:
    """Serve until SIGTERM, and leave no container behind."""
    engine = Engine(arguments["owner"])
    url = f"http://127.0.0.1:{arguments['api']}"
    store = open_store(arguments["cloud"], Scope(**arguments["scope"]))
    world = World(store, Services(engine), arguments["door"], url, options=arguments.get("options", {}))
    personality = PERSONALITIES[arguments["cloud"]](world)
    routes = Routes()
    ControlPlane(world, personality).route(routes)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(arguments["certificate"], arguments["key"])

    def door(asked: Asked) -> Answer:
        return personality.visit(asked.headers.get("host", "").partition(":")[0], asked)

    serve(door, arguments["door"], tls)
    serve(routes, arguments["api"])
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    engine.remove_all()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
