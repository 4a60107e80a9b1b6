"""`python -m mldeploy.handlers BUNDLE_DIR`: serve a bundle over HTTP.

    --host ADDRESS     listen on this address                             default 127.0.0.1
    --port N           and port; 0 takes a free one                       default 8080
    --listen-fd N      inherited listening socket instead of an address
    --private-fd N     a second inherited listening socket, served at once
    --control-fd N     line to a supervisor; --listen-fd is served after its `accept`

Everything else comes from the environment (handlers/config.py). Exit codes: 0 drained, 1 cannot serve, 2 wrong usage, 75 the
model hangs and a restart is needed. What is not needed to begin is imported late: a cold start is part of the first answer.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from mldeploy.handlers.config import ServingConfig
    from mldeploy.handlers.core import Runtime

_EXIT_FAILED = 1
_EXIT_USAGE = 2
# While the model loads on a thread and the main thread imports, both should move: the default is 5 ms a turn.
_STARTUP_SWITCH_S = 0.0005


class Options(NamedTuple):
    """The command line. A file descriptor of -1 is none."""

    bundle: str
    host: str = "127.0.0.1"
    port: int = 8080
    listen_fd: int = -1
    private_fd: int = -1
    control_fd: int = -1


class UsageError(Exception):
    """The command line is wrong; the message says how."""


def parse(argv: list[str]) -> Options:
    """Read the command line by hand: argparse takes as long to import as a small model takes to load."""
    bundle = ""
    values: dict[str, str | int] = {}
    words = iter(argv)
    for word in words:
        if not word.startswith("--"):
            if bundle:
                raise UsageError(f"one bundle folder is expected, got {bundle!r} and {word!r}")
            bundle = word
            continue
        flag, separator, value = word.partition("=")
        name = flag[2:].replace("-", "_")
        if name not in Options._fields or name == "bundle":
            raise UsageError(f"unknown option {flag}")
        text = value if separator else next(words, "")
        if name == "host":
            values[name] = text
        elif text.isascii() and text.isdigit():
            values[name] = int(text)
        else:
            raise UsageError(f"{flag} needs a number, got {text!r}")
    if not bundle:
        raise UsageError("a bundle folder is expected")
    return Options(bundle, **values)  # type: ignore[arg-type]


def fail(text: str, code: int = _EXIT_FAILED) -> int:
    """Say why on one line of standard error."""
    os.write(2, f"mldeploy: {' '.join(text.split())}\n".encode())
    return code


def main(argv: list[str], make: Callable[[str, ServingConfig], Runtime] | None = None) -> int:
    """Serve until drained; the exit code. `make` is a platform's own kind of runtime, made on the loading thread."""
    gc.disable()  # until the model is loaded: start-up makes little garbage
    try:
        options = parse(argv)
    except UsageError as error:
        os.write(2, f"{__doc__}\n".encode())
        return fail(str(error), _EXIT_USAGE)
    from mldeploy.handlers.config import ConfigError, from_environ

    try:
        config = from_environ(os.environ)
    except ConfigError as error:
        return fail(str(error))
    from mldeploy.handlers.server import listen
    from mldeploy.handlers.server.head_start import HeadStart
    from mldeploy.handlers.server.loader import Loader, LoadError

    try:
        public = listen.inherit(options.listen_fd) if options.listen_fd >= 0 else listen.bind(options.host, options.port)
        private = listen.inherit(options.private_fd) if options.private_fd >= 0 else None
    except listen.ListenError as error:
        return fail(str(error))
    switch_s = sys.getswitchinterval()
    sys.setswitchinterval(_STARTUP_SWITCH_S)
    ahead = HeadStart(options.bundle, config)
    ahead.begin()
    loader = Loader(options.bundle, config, ahead.engine, make)
    loader.start()
    from mldeploy.handlers.server.app import App
    from mldeploy.handlers.server.control import Control

    control = Control(options.control_fd) if options.control_fd >= 0 else None
    try:
        loader.created()
    except LoadError as error:
        if control:
            control.send(f"failed {error}")
        return fail(f"cannot serve {options.bundle}: {error}")
    sys.setswitchinterval(switch_s)
    return App(loader, public, private, control).run()


def entry() -> NoReturn:
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # before the event loop has taken over the signals
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    entry()
