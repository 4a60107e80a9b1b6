"""Provider `gcp`: a Cloud Run service from the image, or a Cloud Run function from the rendered source.

    plan (pure) ─▶ Plan{image, program document} ─▶ shared stack driver ◀─ cloud (what only Google Cloud knows)
                                                          └─▶ program/ (registry, service)

Nothing is imported here: the entry point ships in the image under this package's name, without the rest.
"""
