"""The measuring of a run: its cells one after the other, or by workers, and runs put together."""
