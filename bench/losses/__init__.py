"""Somebody's own losses as estimators: draws addressed, gradients in rows, nothing left behind."""
