"""Labelled rows: checked, split, weighted, and read in batches."""
