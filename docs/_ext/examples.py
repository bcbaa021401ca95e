"""How the gallery runs the examples."""

import warnings

filters_of_sphinx: list = []


def warnings_are_errors(gallery_conf, path, when):
    """Make a warning in an example an error, as `python -W error` does."""
    if when == "before":
        filters_of_sphinx[:] = warnings.filters
        warnings.simplefilter("error")
    else:
        warnings.filters[:] = filters_of_sphinx
