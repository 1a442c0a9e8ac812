"""Sentences, numbers and labels as people read them."""
