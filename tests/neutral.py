"""The parameters with which our classifier is no more than a plain MLPClassifier."""

# Values of our own parameters that make them do nothing.
OURS = {
    "weight_decay": 0.0,
    "learning_rate_scaling": None,
    "scoring": "loss",
    "class_weight": None,
    "label_smoothing": 0.0,
    "dropout": 0.0,
    "scaling": None,
    "numerical_encoding": "linear",
    "n_bins": 4,
    "categorical_features": "from_dtype",
    "max_one_hot": 50,
    "temperature_scaling": False,
    "dtype": "auto",
}

# The same, with MLPClassifier's defaults of the parameters whose default is another.
NEUTRAL = {
    **OURS,
    "alpha": 1e-4,
    "batch_size": 200,
    "learning_rate": "constant",
    "learning_rate_init": 1e-3,
    "max_iter": 200,
    "beta_2": 0.999,
    "early_stopping": False,
}
