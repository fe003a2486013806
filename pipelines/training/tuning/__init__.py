"""Trials of a training, before it."""
