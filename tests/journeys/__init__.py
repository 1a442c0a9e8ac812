"""Whole paths as users walk them, program by program; `make journeys`."""
