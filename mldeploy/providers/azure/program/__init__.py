"""The two Pulumi programs. They import Pulumi, its Azure SDK and each other, and take one JSON document.

registry(document)   resource group ─ container registry ─ identity that may pull ─ key vault
service(document)    logs ─ storage ─ identity of the runtime ─ container app, or premium plan and function app ─ alerts, events
"""
