"""What the tests of this folder run on: found where it is, started, stopped again; what is missing says how to get it."""
