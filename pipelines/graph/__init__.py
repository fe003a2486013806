"""The graph of a run: as plain data, as a drawing, as a TFX pipeline."""
