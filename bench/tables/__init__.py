"""Tables for terminals, Markdown, LaTeX and machines."""
