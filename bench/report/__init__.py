"""Measurements as figures and tables; nothing is estimated here."""
