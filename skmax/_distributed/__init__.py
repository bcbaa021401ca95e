"""Rows that are spread over a Dask cluster."""
