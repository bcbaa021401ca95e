"""How the gallery runs and orders the examples."""

import warnings

from sphinx_gallery.sorting import FileNameSortKey

FIRST = ["quickstart.py", "plot_softmax_by_hand.py"]

filters_of_sphinx: list = []


class QuickstartFirst(FileNameSortKey):
    """Order of the examples: those for beginners, then the others by name."""

    def __call__(self, filename):
        """Return what an example is sorted by."""
        return FIRST.index(filename) if filename in FIRST else len(FIRST), filename


def warnings_are_errors(gallery_conf, path, when):
    """Make a warning in an example an error, as `python -W error` does."""
    if when == "before":
        filters_of_sphinx[:] = warnings.filters
        warnings.simplefilter("error")
    else:
        warnings.filters[:] = filters_of_sphinx
