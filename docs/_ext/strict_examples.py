"""A warning in an example is an error, as it is for `python -W error`."""

import warnings

filters_of_sphinx: list = []


def warnings_are_errors(gallery_conf, path, when):
    """Set the filters of warnings before an example, and put them back after it."""
    if when == "before":
        filters_of_sphinx[:] = warnings.filters
        warnings.simplefilter("error")
    else:
        warnings.filters[:] = filters_of_sphinx
