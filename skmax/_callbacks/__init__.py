"""Callbacks of scikit-learn: how a fit tells of its epochs, and those of our own."""
