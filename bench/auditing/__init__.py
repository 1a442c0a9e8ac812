"""The audit of somebody's own losses: measured as estimators are, and diagnosed."""
