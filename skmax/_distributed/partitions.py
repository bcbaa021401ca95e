"""Values of partitions on a Dask cluster, and sums over them, which survive lost workers.

A sum is a tree whose shape depends on the number of partitions alone: the same partitions
give the same bits, wherever they are computed, and again if a worker is lost. Tasks are pure
functions of values that Dask can compute again.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from copy import copy
from math import ceil
from typing import Any, Self

import numpy as np
from distributed import CancelledError, KilledWorker
from distributed.comm import CommClosedError

# Children of a node in the tree of sums.
FAN_IN = 8

# Vectors of at most so many bytes travel within each task, larger ones as the result of one.
INLINE_BYTES = 256 * 1024

# A fit ends if there is no worker for NO_WORKERS seconds. The cluster is asked again if it is idle
# without an answer for NO_ANSWER seconds, or after one of these errors, MAX_ATTEMPTS times in all.
NO_WORKERS = 40.0
NO_ANSWER = 60.0
LOST = (KilledWorker, CommClosedError, CancelledError, TimeoutError)
MAX_ATTEMPTS = 5


def insert(
    nodes: dict[tuple[int, int], Any], level: int, index: int, value: Any, n_leaves: int
) -> None:
    """Put the value of a node among those known, and add up children that are complete.

    Node (l, i) stands for the leaves from i FAN_IN^l up to (i + 1) FAN_IN^l. Children are
    added in their order, so that the sum does not depend on which was there first.
    """
    nodes[level, index] = value
    while (n_level := ceil(n_leaves / FAN_IN**level)) > 1:
        parent = index // FAN_IN
        first = parent * FAN_IN
        children = [(level, i) for i in range(first, min(first + FAN_IN, n_level))]
        if not all(child in nodes for child in children):
            return
        value = nodes.pop(children[0])
        for child in children[1:]:
            value = value + nodes.pop(child)
        level, index = level + 1, parent
        nodes[level, index] = value


def add_up(
    function: Callable[..., Any],
    choose: Callable[[Any, int], Any],
    parts: Iterable[Any],
    first: int,
    n_leaves: int,
    *arguments: Any,
) -> dict[tuple[int, int], Any]:
    """Return the sums of `function(choose(part, number), *arguments)` over partitions, as nodes.

    The partitions are consecutive, and `first` is the number of the first.
    """
    nodes: dict[tuple[int, int], Any] = {}
    for number, part in enumerate(parts, first):
        insert(nodes, 0, number, function(choose(part, number), *arguments), n_leaves)
    return nodes


def merge(many: Iterable[dict[tuple[int, int], Any]], n_leaves: int) -> dict[tuple[int, int], Any]:
    """Return the nodes of several tasks, added up as far as they are complete."""
    merged: dict[tuple[int, int], Any] = {}
    for nodes in many:
        for (level, index), value in nodes.items():
            insert(merged, level, index, value, n_leaves)
    return merged


def itself(value: Any, number: int = 0) -> Any:
    return value


class Partitions:
    """Values of the partitions on a cluster, by number, and sums over them.

    A context: at its end the values are dropped, even if a traceback holds on to this.

    Parameters
    ----------
    client : distributed.Client
    load : callable ``load(futures)``
        Appends the future of each partition to a list; called at once, and again if the
        cluster has lost the partitions for good.
    """

    def __init__(self, client: Any, load: Callable[[list[Any]], object]) -> None:
        self.client = client
        self.futures: list[Any] = []
        self._load = load
        self._choose: Callable[[Any, int], Any] = itself
        self._shared: list[Any] = []
        self.__enter__()

    def __enter__(self) -> Self:
        if not self.futures:
            try:
                self._load(self.futures)
            except BaseException:
                self._drop()
                raise
        return self

    def __exit__(self, *error: object) -> None:
        self._drop()
        for future in self._shared:
            future.release()

    def _drop(self) -> None:
        while self.futures:
            self.futures.pop().release()

    def map(self, function: Callable[..., Any], **arguments: Any) -> "Partitions":
        """Return a function of each partition, computed by the worker that has the partition."""

        def load(futures: list[Any]) -> None:
            # These partitions may have been dropped since: then they are loaded for this alone.
            with nullcontext() if self.futures else self:
                futures += self.client.map(function, self.futures, pure=False, **arguments)

        return Partitions(self.client, load)

    def only(self, choose: Callable[[Any, int], Any]) -> "Partitions":
        """Return these partitions for sums that see only `choose(value, number)` of each value.

        It is computed in each sum and not kept, because Dask would count, move and spill it as
        if it shared nothing with the value. What is shared is dropped at the end of this context.
        """
        chosen = copy(self)
        chosen._choose = choose
        return chosen

    def share(self, value: Any) -> Any:
        """Send a value to the workers, once; return what stands for it as an argument of sums."""
        self._shared.append(self.client.submit(itself, value, pure=False))
        return self._shared[-1]

    def sum(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return the sum of `function(value, *arguments)` over the partitions.

        There is a task for each thread of a worker, and one for each eight of these.
        """
        failure = None
        for attempt in range(MAX_ATTEMPTS):
            if attempt > 1:
                # Dask can blame a partition for the workers that were lost with it, or for a task
                # that it has meanwhile computed: it then fails again and again, until nobody asks
                # for it and the scheduler forgets it.
                self._drop()
                self.__enter__()
            if attempt:
                retry(self.client, self.futures + self._shared)
            pending: list[Any] = []
            try:
                self._submit(function, arguments, pending)
                return self._wait(pending[-1])
            except LOST as error:
                failure = error
            finally:
                self.client.cancel(pending)
        raise RuntimeError(
            f"The cluster has failed {MAX_ATTEMPTS} times to evaluate the objective, at last "
            f"with {failure!r}."
        ) from failure

    def _submit(
        self, function: Callable[..., Any], arguments: Sequence[Any], pending: list[Any]
    ) -> None:
        """Append tasks to `pending`, the last of which has the sum."""

        def submit(*task: Any) -> Any:
            pending.append(self.client.submit(*task, pure=False))
            return pending[-1]

        arguments = [
            submit(itself, value)
            if isinstance(value, np.ndarray) and value.nbytes > INLINE_BYTES
            else value
            for value in arguments
        ]
        n_leaves = len(self.futures)
        n_tasks = min(n_leaves, max(1, len(threads(self.client))))
        level = [
            submit(
                add_up,
                function,
                self._choose,
                [self.futures[number] for number in group],
                int(group[0]),
                n_leaves,
                *arguments,
            )
            for group in np.array_split(np.arange(n_leaves), n_tasks)
        ]
        while len(level) > 1:
            level = [
                submit(merge, level[i : i + FAN_IN], n_leaves)
                for i in range(0, len(level), FAN_IN)
            ]

    def _wait(self, future: Any) -> Any:
        """Return the one value in the result, or raise one of LOST."""
        begun = time.monotonic()
        while True:
            try:
                (value,) = future.result(timeout=1.0).values()
                return value
            except TimeoutError:
                if future.done():  # the error is the task's own
                    raise
            except AttributeError as error:
                # If workers are lost together, an error may be lost with them, and Dask then
                # raises None.
                if future.status == "error" and future.exception() is None:
                    raise CancelledError("Workers were lost, and the error with them.") from error
                raise
            wait_for_threads(self.client)
            # While something is computed, an evaluation may take any time.
            if time.monotonic() - begun > NO_ANSWER and not any(self.client.processing().values()):
                raise TimeoutError(
                    f"No answer for {NO_ANSWER:.0f} seconds, and nothing is computed."
                )


def retry(client: Any, futures: list[Any]) -> None:
    """Have those of the futures that have failed computed again, with what they depend on.

    `Client.retry` ends with a KeyError if the scheduler also names what only it knows,
    such as the reading of a partition. It then leaves futures as failed that are computed.
    """
    keys = [future.key for future in futures if future.status == "error"]

    async def again() -> None:
        # Here first, so that what the scheduler says about them from now on is kept.
        for key in keys:
            client.futures[key].retry()
        await client.scheduler.retry(keys=keys, client=client.id)

    client.sync(again)


def threads(client: Any) -> list[str]:
    """Return the address of each worker, as often as it has threads.

    RuntimeError if the scheduler is gone.
    """
    workers = client.scheduler_info(n_workers=-1).get("workers")
    if workers is None:
        raise RuntimeError(f"The scheduler of {client!r} is gone: the fit cannot go on.")
    return [address for address in sorted(workers) for _ in range(workers[address]["nthreads"])]


def wait_for_threads(client: Any) -> list[str]:
    """Return the `threads` of the workers, at least one; RuntimeError if none comes in time."""
    begun = time.monotonic()
    while not (found := threads(client)):
        if time.monotonic() - begun > NO_WORKERS:
            raise RuntimeError(
                f"The cluster has had no worker for {NO_WORKERS:.0f} seconds: the fit cannot go "
                "on."
            )
        time.sleep(0.1)
    return found
