"""One runtime process, as its supervisor holds it: how it is started and limited, what it says, and how it ends.

    python -m mldeploy.handlers BUNDLE --listen-fd PUBLIC --private-fd PRIVATE --control-fd CONTROL
    control, out: "accept", "drain"        control, in: "ready {…}", "failed <one line>"

The public socket is the supervisor's and shared; the private one is this process's own, for smoke requests.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Mapping

from mldeploy.providers.local.process import FOLDER_VARIABLE, IS_LINUX, identity
from mldeploy.providers.local.records import Paths, Release

MIB = 1024 * 1024
TAIL_LINES = 20
_TAIL_LINE_CHARS = 500
_READ_BYTES = 1 << 16
_READS_AT_ONCE = 32
_PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031
# A runtime sees what a cloud would give it, not the shell that happened to start it.
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "USER",
    "LOGNAME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
# Reserved but untouched thread stacks count against RLIMIT_DATA and are no use of memory: see docs/adr/0006-local-provider.md.
STACK_MB = 8
_OUT_OF_MEMORY = (
    "MemoryError",
    "bad_alloc",
    "Cannot allocate memory",
    "cannot allocate memory",
    "Failed to allocate memory",
    "can't start new thread",
    "out of memory",
)
EXIT_STUCK = 75


def memory_limit_bytes(memory_mb: int, concurrency: int) -> int:
    """RLIMIT_DATA for a process that may use `memory_mb`: plus the stacks of its threads (pool, engine, a few more)."""
    threads = concurrency + (os.cpu_count() or 1) + 2
    return (memory_mb + STACK_MB * threads) * MIB


class RuntimeProcess:
    """A started runtime. `phase`: starting | ready | serving | draining. The supervisor calls `hear` and `drain_output`."""

    def __init__(
        self,
        release: Release,
        listener: socket.socket,
        secrets: Mapping[str, str],
        at: Paths,
        write_log: Callable[[bytes], None],
    ) -> None:
        """Start it. Raises OSError when the process cannot be started."""
        self.phase = "starting"
        self.failure = ""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.kill_at_s: float | None = None
        self._release = release
        self._write_log = write_log
        self._heard = b""
        self._partial = b""
        self.public_port = listener.getsockname()[1]
        at.scratch.mkdir(mode=0o700, exist_ok=True)
        with contextlib.ExitStack() as child_side:
            private = child_side.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
            self.private_port: int = private.getsockname()[1]
            self.control, theirs = socket.socketpair()
            child_side.enter_context(theirs)
            self.output, write_end = _log_pipe()
            child_side.callback(os.close, write_end)
            try:
                fds = {"--listen-fd": listener.fileno(), "--private-fd": private.fileno(), "--control-fd": theirs.fileno()}
                self._process = subprocess.Popen(
                    [*release.command, release.bundle, *(str(word) for option in fds.items() for word in option)],
                    stdin=subprocess.DEVNULL,
                    stdout=write_end,
                    stderr=write_end,
                    cwd=at.scratch,
                    env=_environment(release, secrets, at),
                    pass_fds=tuple(fds.values()),
                    preexec_fn=lambda: _limit(release),  # safe: the supervisor has one thread
                )
            except OSError:
                self.close()
                raise
        self.control.setblocking(False)
        self.pid = self._process.pid
        self.started = identity(self.pid)

    def accept(self) -> None:
        """Let it accept on the public socket. Only when `phase` is "ready"."""
        self._say(b"accept\n")
        self.phase = "serving"

    def drain(self, kill_at_s: float) -> None:
        """Let it answer what is open and exit; it is killed at `kill_at_s` (monotonic)."""
        self._say(b"drain\n")
        self.phase = "draining"
        self.kill_at_s = kill_at_s

    def terminate(self, kill_at_s: float) -> None:
        """SIGTERM, for a process that serves nobody."""
        self.signal(signal.SIGTERM)
        self.phase = "draining"
        self.kill_at_s = kill_at_s

    def signal(self, number: int) -> None:
        """Send a signal; silently nothing when it has ended."""
        self._process.send_signal(number)

    def _say(self, line: bytes) -> None:
        # A process that no longer listens is about to be collected as ended.
        with contextlib.suppress(OSError):
            self.control.send(line)

    def hear(self) -> bool:
        """Take in what it said. Returns False at the end of the control socket."""
        try:
            data = self.control.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "ready" and self.phase == "starting":
                self.phase = "ready"
            elif word == "failed":
                self.failure = rest.strip()
        return data != b""

    def drain_output(self) -> bool:
        """Move what it printed to the log, whole lines only. Returns False at the end of the output."""
        for _ in range(_READS_AT_ONCE):
            try:
                data = os.read(self.output, _READ_BYTES)
            except BlockingIOError:
                return True
            if not data:
                self._take(self._partial + b"\n" if self._partial else b"")
                self._partial = b""
                return False
            whole, newline, rest = data.rpartition(b"\n")
            if newline or len(self._partial) + len(rest) > _READ_BYTES:
                self._take(self._partial + whole + (newline or rest + b"\n"))
                self._partial = rest if newline else b""
            else:
                self._partial += rest
        return True

    def _take(self, lines: bytes) -> None:
        if lines:
            self._write_log(lines)
            for line in lines[:-1].split(b"\n")[-TAIL_LINES:]:
                self.tail.append(line[:_TAIL_LINE_CHARS].decode(errors="replace"))

    def poll(self) -> int | None:
        """Its exit status (negative: the signal that ended it), None while it runs."""
        return self._process.poll()

    def reason(self, status: int) -> str:
        """Why it ended, in a sentence."""
        told = [self.failure, *self.tail]
        if any(sign in text for sign in _OUT_OF_MEMORY for text in told) and self._release.memory_mb:
            return f"out of memory: limit {self._release.memory_mb} MiB (resources.memory_mb)"
        if self.failure:
            return self.failure
        if status == EXIT_STUCK:
            return "a prediction hung past its timeout, so the process asked to be restarted"
        if status == -signal.SIGKILL:
            return "killed by SIGKILL (by hand, or by the system for want of memory)"
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exited with status {status}"

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()

    def close(self) -> None:
        """Let go of the sockets and the pipe; the process itself must have ended."""
        self.control.close()
        os.close(self.output)


def _log_pipe() -> tuple[int, int]:
    """A pipe that is read without blocking and, where the system can, holds enough for a burst of log lines."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    if IS_LINUX:
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(read_end, _F_SETPIPE_SZ, _PIPE_BYTES)
    return read_end, write_end


def _environment(release: Release, secrets: Mapping[str, str], at: Paths) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in os.environ if name in INHERITED or name.startswith("LC_")}
    return {
        **inherited,
        "TMPDIR": str(at.scratch),
        "PYTHONUNBUFFERED": "1",  # what a hook prints is in the log at once, also when the process dies
        **release.environment,
        **secrets,
        FOLDER_VARIABLE: str(at.folder),
    }


def _limit(release: Release) -> None:
    """Runs in the child between fork and exec."""
    if release.memory_mb:
        concurrency = int(release.environment.get("MLDEPLOY_CONCURRENCY", "") or (os.cpu_count() or 1))
        limit = memory_limit_bytes(release.memory_mb, concurrency)
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    # A core file of a crashed model would be as large as the model, once a restart.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
