"""The two Pulumi programs of Google Cloud. They import Pulumi, its SDK and each other: `eject` writes them out as they are.

registry.py   APIs · repository · service accounts · secrets without values · bucket for source
service.py    run.py or function.py · callers · watch.py (alarms, budget) · events.py (trigger, schedule)
"""
