"""HTTP/1.1 in front of the core: httptools parses, uvloop moves bytes, this folder decides what to do with them.

    listen    listening sockets, by address or inherited
    control   the line to the supervisor: `accept`, `drain` in, `ready`, `failed` out
    http1     bytes ─▶ Exchange (a complete request, or why it is refused)      target   request target ─▶ path, query
    protocol  one connection: order, back-pressure, lingering close             wire     Response ─▶ bytes
    timing    how long a connection may take over each thing
    admission who is worked on, who waits, who is refused                       pool     threads, deadlines, stuck workers
    app       the life of the process: loading, ready, draining, exit

What an answer says is the core's business (`handlers.core`); nothing here looks into a body.
"""
