"""Estimates from runs as data frames, formed once each: ratios, rates, ranks, budgets, changes, curves."""
