"""The runtime's log lines through Python's `logging`, which the worker carries to the host and to Application Insights.

Written to standard output they would reach neither with a level. The text is the same JSON line as everywhere.
"""

from __future__ import annotations

import logging
from typing import Any

from mldeploy.handlers.log import Log

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class WorkerLog(Log):
    """A Log that writes to the logger `mldeploy`."""

    __slots__ = ("_logger",)

    def __init__(self, context: dict[str, str]) -> None:
        super().__init__(context)
        self._logger = logging.getLogger("mldeploy")
        self._logger.setLevel(logging.INFO)

    def line(self, level: str, fields: dict[str, Any], times: bytes = b"") -> None:
        try:
            with self._lock:
                text = self._encode(level, fields, times).decode().rstrip()
            self._logger.log(_LEVELS.get(level, logging.INFO), "%s", text)
        except Exception:
            self.dropped += 1
