"""The figures of several runs together; each function makes one."""

from bench.page.figures.several.changes import changes
from bench.page.figures.several.means import means
from bench.page.figures.several.profile import profile

FIGURES = (changes, means, profile)
"""Those that only several runs have, in the order of the page."""
