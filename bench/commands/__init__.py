"""The verbs of the command line, one a file; `bench/cli.py` holds the small ones and puts all together."""
