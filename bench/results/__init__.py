"""Runs: their tables, record and pictures, in memory and on disk."""
