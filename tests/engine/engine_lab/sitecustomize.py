"""Put on the path of a tested process: every name of a stand-in leads to this machine. Nothing else is changed."""

import socket

DOMAIN = ".standin.test"
_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, port, *arguments, **named):  # type: ignore[no-untyped-def]
    text = host.decode() if isinstance(host, bytes) else host
    return _getaddrinfo("127.0.0.1" if text and text.endswith(DOMAIN) else host, port, *arguments, **named)


socket.getaddrinfo = getaddrinfo
