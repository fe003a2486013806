"""Embeddings of many images, through Beam."""
