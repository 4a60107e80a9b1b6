"""Provider `local`: the embedded default. A deployment is a supervised process on this machine; no account, no Docker.

    up ─▶ driver ──desired.json, inbox──▶ supervisor ──control socket──▶ runtime (mldeploy.handlers)
             ◀──────observed.json────────      └─ owns the public socket, the log and the secrets in memory

Nothing is imported here: the supervisor and the runtimes live long and do without pydantic.
"""
