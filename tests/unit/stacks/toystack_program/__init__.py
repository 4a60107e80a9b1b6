"""The two programs of the toy cloud: what a cloud's `program/` package is, in small. Imports only pulumi and itself."""

from toystack_program.registry import registry as registry
from toystack_program.service import service as service
