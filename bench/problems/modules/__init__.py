"""A person's own module as a problem: its parameters as rows of theta, and calls for all rows at once."""
