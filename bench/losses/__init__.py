"""Somebody's own losses as estimators: their draws addressed, their gradients in rows, nothing left behind."""
