"""A fit: from the parameters of an estimator and a dataset to a fitted model."""
