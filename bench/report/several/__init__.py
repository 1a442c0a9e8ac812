"""Several runs beside one another: how they differ, what changed, who wins over all, and at which budget."""
