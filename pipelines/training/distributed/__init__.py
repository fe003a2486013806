"""One training on several devices, processes or machines."""
