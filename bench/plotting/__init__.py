"""The free plot: any columns of measurements against any others, drawn by seaborn."""
