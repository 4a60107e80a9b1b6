"""What ships in an image for Google Cloud, next to `mldeploy.handlers`: translation only.

    Cloud Run       request ─▶ server.py (our own server on $PORT) ─▶ runtime.py ─▶ core
                    object event at /events/objects ──────────────────┘ events.py, storage.py
    from source     functions-framework ─▶ functions.py (`http`, `cloud_event`) ─▶ runtime.py ─▶ core

It imports the standard library, `mldeploy.handlers` and itself (`functions.py` also the framework it runs under).
"""
