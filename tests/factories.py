"""What several files of tests build: rows, and clusters with rows on them."""

from contextlib import contextmanager

import dask.array as da
from distributed import Client, LocalCluster
from scipy.sparse import csr_array
from sklearn.datasets import make_classification


def three_classes(n_rows=400):
    """Return rows of ten features, and labels."""
    return make_classification(n_rows, 10, n_informative=8, n_classes=3, random_state=0)


@contextmanager
def cluster(n_workers=2, threads_per_worker=1, *, processes=False, **settings):
    """Give a client of a new cluster, in this process or in others."""
    if processes:
        settings["silence_logs"] = 50
    settings |= {"n_workers": n_workers, "threads_per_worker": threads_per_worker}
    with LocalCluster(processes=processes, dashboard_address=":0", **settings) as workers:
        with Client(workers) as client:
            yield client


def chunked(array, n_chunks):
    """Return the rows of an array in so many partitions."""
    return da.from_array(array, chunks=(-(-len(array) // n_chunks), *array.shape[1:]))


def csr_chunks(array):
    """Return the partitions of an array as sparse rows."""
    return array.map_blocks(csr_array, meta=csr_array((0, array.shape[1])))
