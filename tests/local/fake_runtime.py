"""A stand-in for the runtime that speaks its protocol and fails on purpose. Imports little, so that it starts fast.

FAKE in the environment is a comma-separated list of: crash-at-start, say-failed, hang-at-start, out-of-memory, stuck,
crash-after-ready, unready, ignore-drain. VALUE is what it answers. POST /predict {"inputs": "crash"} ends it, "sleep" takes
half a second, "environment" shows what it was given, "print X" prints X.
"""

import json
import os
import select
import signal
import socket
import sys
import threading
import time

FAKE = set(os.environ.get("FAKE", "").split(","))


class Runtime:
    def __init__(self, public: socket.socket, private: socket.socket, control: socket.socket) -> None:
        self.public, self.private, self.control = public, private, control
        self.is_draining = False
        self.open = 0
        self.lock = threading.Lock()

    def answer(self, path: str, body: bytes) -> tuple[int, object]:
        if path == "/v2/health/ready":
            return (503 if "unready" in FAKE else 200), {}
        if path.startswith("/v2/models/"):
            return 200, {"name": path.rpartition("/")[2]}
        inputs = json.loads(body)["inputs"]
        if inputs == "crash":
            print("about to crash", flush=True)
            os._exit(3)
        if inputs == "sleep":
            time.sleep(0.5)
        if inputs == "environment":
            return 200, {"environment": dict(os.environ), "cwd": os.path.realpath(".")}
        if isinstance(inputs, str) and inputs.startswith("print "):
            print(inputs[6:], flush=True)
        return 200, {"model": "m", "outputs": {"y": [float(os.environ.get("VALUE", "1"))]}, "pid": os.getpid()}

    def converse(self, connection: socket.socket) -> None:
        """One connection, counted as open from its acceptance to its first answer, then again while it is at work."""
        is_counted = True
        pending = b""
        with connection:
            try:
                while True:
                    while b"\r\n\r\n" not in pending:
                        data = connection.recv(65536)
                        if not data:
                            return
                        pending += data
                    if not is_counted:
                        self.count(1)
                        is_counted = True
                    pending = self.reply(connection, pending)
                    self.count(-1)
                    is_counted = False
                    if self.is_draining:
                        return
            except OSError:
                return
            finally:
                if is_counted:
                    self.count(-1)

    def count(self, change: int) -> None:
        with self.lock:
            self.open += change

    def reply(self, connection: socket.socket, pending: bytes) -> bytes:
        """Answer one request, HTTP/1.1 with a content-length; returns what came after it."""
        head, _, pending = pending.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
        while len(pending) < length:
            pending += connection.recv(65536)
        status, document = self.answer(lines[0].split()[1], pending[:length])
        payload = json.dumps(document).encode()
        end = "connection: close\r\n" if self.is_draining else ""
        connection.sendall(f"HTTP/1.1 {status} X\r\ncontent-length: {len(payload)}\r\n{end}\r\n".encode() + payload)
        return pending[length:]

    def run(self) -> int:
        listening = [self.private]
        drained_since = 0.0
        while not (self.is_draining and self.open == 0 and time.monotonic() > drained_since + 0.2) or "ignore-drain" in FAKE:
            readable, _, _ = select.select([*listening, self.control], [], [], 0.05)
            for item in readable:
                if item is self.control:
                    words = self.control.recv(100).split()
                    if b"accept" in words:
                        self.public.setblocking(False)
                        listening = [self.private, self.public]
                    if b"drain" in words or not words:
                        self.is_draining, listening, drained_since = True, [], time.monotonic()
                        if not words:
                            return 0
                else:
                    try:
                        connection = item.accept()[0]
                    except BlockingIOError:
                        continue
                    connection.setblocking(True)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.count(1)
                    threading.Thread(target=self.converse, args=(connection,), daemon=True).start()
        return 0


def main() -> int:
    options = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=True))
    public, private, control = (socket.socket(fileno=int(options[o])) for o in ("--listen-fd", "--private-fd", "--control-fd"))
    print("fake runtime begins", flush=True)
    if "ignore-drain" in FAKE:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "crash-at-start" in FAKE:
        print("Traceback: boom", flush=True)
        return 1
    if "say-failed" in FAKE:
        control.send(b"failed the model file is damaged\n")
        return 1
    if "out-of-memory" in FAKE:
        print("MemoryError", flush=True)
        return 1
    if "hang-at-start" in FAKE:
        time.sleep(60)
    control.send(b'ready {"load_ms": 1}\n')
    if "crash-after-ready" in FAKE:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGSEGV)
    if "stuck" in FAKE:
        return 75
    return Runtime(public, private, control).run()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
