"""What a fit has learnt, as plain values in files."""
