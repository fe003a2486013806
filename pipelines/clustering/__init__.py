"""Pseudo-labels: the images in clusters."""
