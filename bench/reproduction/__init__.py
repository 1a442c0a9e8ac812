"""Numbers that papers and lectures print, and that formulas give, measured again."""
