"""Curve: a number for each iteration of fits, in a list that is copied in no time."""

from collections.abc import Iterable, Iterator
from math import inf


class Curve:
    """A list of numbers that is only appended to, and knows its least.

    A copy is made in no time, because it shares the values. They are in tuples, each longer
    than all tuples after it together, so that a curve of n values has at most log2(n) + 1
    tuples. `append` merges tuples that are no longer than what follows them, so that on
    average each value is copied log2(n) times in all.

    Parameters
    ----------
    values : iterable of float, default=()
    """

    __slots__ = ("_parts", "least")

    def __init__(self, values: Iterable[float] = ()) -> None:
        part = tuple(values)
        self._parts: tuple[tuple[float, ...], ...] = (part,) if part else ()
        self.least: float = min(part, default=inf)

    def append(self, value: float) -> None:
        """Append a value; copies of this curve stay as they are."""
        parts = self._parts
        last: tuple[float, ...] = (value,)
        while parts and len(parts[-1]) <= len(last):
            last, parts = parts[-1] + last, parts[:-1]
        self._parts = (*parts, last)
        self.least = min(self.least, value)

    def copy(self) -> "Curve":
        """Return a curve of the same values."""
        twin = Curve()
        twin._parts, twin.least = self._parts, self.least
        return twin

    @property
    def last(self) -> float:
        """The last value; IndexError if there is none."""
        return self._parts[-1][-1]

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def __iter__(self) -> Iterator[float]:
        for part in self._parts:
            yield from part

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Curve | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Curve({list(self)})"
