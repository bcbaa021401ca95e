"""One BLAS thread for the suite; how hypothesis searches: a few fixed examples as a rule."""

import os

# Before NumPy is imported, and for the processes that tests start: small products are faster.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Before Dask is imported: its workers' processes are forked from one that has imported a part.
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD", "forkserver")

from hypothesis import settings
from threadpoolctl import threadpool_limits

threadpool_limits(1, user_api="blas")  # where a plugin has imported NumPy, or it has another BLAS

settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=10_000, deadline=None)  # many, on request
settings.load_profile("ci")  # `--hypothesis-profile thorough` comes later, and wins
