"""Advantage functions and policy losses of one's own, held to the exact gradient by enumeration."""
