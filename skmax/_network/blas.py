"""Threads of BLAS: one, if a fit or a prediction is too small to gain from more.

Products of small matrices gain little from a second thread on an idle core, and wait for it
on a busy one. All threads of the process share this number: while a small fit or
prediction runs, products in other threads, and those of scorers and callbacks that it calls,
have one thread, too (a scorer that wants more uses `threadpoolctl.threadpool_limits`). Shapes
alone decide what is small, and not cores, `n_jobs` or load. The bits of small fits do not
depend on these, because one thread adds in one order.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import RLock
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

# A fit may have several threads if its largest product has so many multiplications. On two idle
# cores, two threads make a step 1.1 to 1.2 times as fast at 2^22, and 1.5 times at 2^24. On busy
# cores they make it many times slower.
WORTH_THREADS = 2**23

# At most so many rows count, because a block of many rows is like many products of a batch's
# size, and because a network of few units is small for full-batch solvers and predictions, too.
COUNTED_ROWS = 256

# OpenBLAS splits no product of so few multiplications (matrices from 2^18, vectors from 460,800).
NEVER_SPLIT = 2**17


def gains_from_threads(
    shapes: Sequence[tuple[int, int]], n_rows: int, *, sparse: bool = False
) -> bool:
    """Return whether the largest product of a network is worth more than one thread.

    Parameters
    ----------
    shapes : list of (int, int)
        Of the weight matrices.
    n_rows : int
        Of a batch, a block or a prediction.
    sparse : bool, default=False
        Whether X is sparse: scipy.sparse multiplies it, on one thread.
    """
    sizes = [fan_in * fan_out for fan_in, fan_out in shapes]
    n_rows = min(n_rows, COUNTED_ROWS)
    # If rows are sparse, BLAS multiplies only their shift, which is one row.
    first = sizes[0] if sparse else n_rows * sizes[0]
    return max(first, *(n_rows * size for size in sizes[1:]), 0) >= WORTH_THREADS


# A product of this matrix and its transpose is wide enough; one of (256, 16) is not.
TOUCHING_PRODUCT = 512, 16


@cache
def touch_buffer() -> None:
    """Write to the buffer into which OpenBLAS packs matrices, once in a process.

    On a virtual machine (AMD Zen, OpenBLAS 0.3.31), A^T D of a batch takes 3.4 times as long in
    float32 until a wide product has come first, and a fit 1.3 times. The likely cause: kernels
    prefetch beyond what they have packed, where no page of memory is there before something is
    written, so that the processor looks for it in vain each time. The product takes 1 ms.
    """
    wide = np.ones(TOUCHING_PRODUCT, np.float32)
    np.dot(wide, wide.T)


class OneThread:
    """A context in which all BLAS libraries of the process have one thread.

    It can be entered by several threads at a time and again within itself: the last one to
    leave restores what the first one found. A library that has one thread already is left as
    it is. A child of a fork begins outside, with its parent's numbers restored.

    A library that threadpoolctl does not know (Accelerate) is not limited. An OpenBLAS that is
    built on OpenMP has a number per thread, and only that of the first thread is limited.
    """

    def __init__(self) -> None:
        self._lock = RLock()  # a handler of signals may enter while the lock is held
        self._n_users = 0
        self._libraries: list[Any] | None = None
        # Libraries, and their numbers of threads before.
        self._limited: list[tuple[Any, int]] = []
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._begin_child,
            )

    def __enter__(self) -> None:
        with self._lock:
            try:
                if self._n_users == 0:
                    self._limit()
                self._n_users += 1
            except BaseException:  # an interruption: no exit would follow
                if self._n_users == 0:
                    self._restore()
                raise

    def __exit__(self, *error: object) -> None:
        with self._lock:
            if self._n_users == 0:  # entered before a fork
                return
            self._n_users -= 1
            if self._n_users == 0:
                self._restore()

    def _limit(self) -> None:
        if self._libraries is None:
            # Once, because imports of this package have loaded those of NumPy and SciPy.
            controller = ThreadpoolController().select(user_api="blas")
            self._libraries = controller.lib_controllers
        for library in self._libraries:
            n_threads = library.get_num_threads()
            if n_threads is not None and n_threads > 1:
                self._limited.append((library, n_threads))
        self._set([(library, 1) for library, _ in self._limited])
        touch_buffer()

    def _restore(self) -> None:
        self._set(self._limited)
        self._limited = []  # last: if this is interrupted, the next to leave does it

    def _set(self, numbers: list[tuple[Any, int]]) -> None:
        """Set numbers of threads, from any thread of Python."""
        if not numbers:
            return
        # From threadpoolctl 3.8 on, only the first thread that sets a number of OpenBLAS can
        # set another, until it lets go. To let go once is enough for all libraries.
        libraries = (library for library, _ in numbers)
        let_go = next(filter(None, map(_letting_go, libraries)), _nothing)
        let_go(force=True)
        for library, n_threads in numbers:
            library.set_num_threads(n_threads)
        let_go()

    def _begin_child(self) -> None:
        self._n_users = 0
        self._restore()
        self._lock.release()


def _letting_go(library: Any) -> Any:
    return getattr(library, "clear_controlling_thread", None)


def _nothing(force: bool = False) -> None:
    """Do nothing, because another library or an older threadpoolctl lacks the method."""


ONE_THREAD = OneThread()
ALL_THREADS = nullcontext()


def blas_threads(gains: bool) -> AbstractContextManager[None]:
    """Return a context: BLAS with one thread, unless `gains` says that more are worth it."""
    return ALL_THREADS if gains else ONE_THREAD
