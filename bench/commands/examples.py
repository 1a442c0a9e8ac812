"""Examples at the end of a verb's help."""

from __future__ import annotations


def examples(*lines: str) -> str:
    """Return the epilog of a verb: lines that click prints as they are.

    Click joins the lines of a paragraph unless it begins with a backspace character. In a raw docstring
    that would be a backslash and a letter, and is printed.

    Args:
        lines: each a command as it is typed, and maybe a comment.
    """
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
