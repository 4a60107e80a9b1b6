"""The parts that the tests of this folder run on: found where they are, started, and stopped again; a missing one says how to get it."""
