"""Scores of a model, and whether it is good enough to be published."""
