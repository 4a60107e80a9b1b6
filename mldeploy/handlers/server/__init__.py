"""HTTP/1.1 in front of the core: httptools parses, a small loop moves bytes, this folder decides what to do with them.

    listen    listening sockets, by address or inherited            loader    the model, on a thread of its own
    control   the line to the supervisor                            app       loading, ready, draining, exit
    loop      sockets, timers, signals, threads: one thread         stream    accepting, reading, buffered writing
    http1     bytes ─▶ Exchange: a request, or a refusal            target    request target ─▶ path, query
    protocol  one connection: order, back-pressure, closing         wire      Response ─▶ bytes
    service   where a request is answered; all connections          patience  how long a connection may take over each thing
    admission who runs, who waits, who is refused                   pool      threads, deadlines, stuck workers
    head_start the lean engine, opened while the rest is imported

What an answer says is the core's business (`handlers.core`); nothing here looks into a body.
"""
