"""Parameters as text that is the same in another process, because it identifies a fit."""

import re
import sys
import zlib
from functools import partial
from numbers import Number
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

import numpy as np


def comparable(value: Any) -> Any:
    """Return a number, a string or None as it is, and any other value as text."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, Number | str):
        return value
    if isinstance(value, dict):
        items = {str(key): float(number) for key, number in value.items()}
        return str(dict(sorted(items.items())))
    return _text(value, ())


def _text(value: Any, within: tuple[int, ...]) -> str:
    """Return a text of a value that is the same in another process: no address is in it.

    A function of a module is its name. Any other, which may be defined anew under its name,
    is its code, its defaults and what it encloses; other callables are their attributes.
    `within` are the ids of what the value is a part of.
    """
    if id(value) in within:
        return "..."
    text = partial(_text, within=(*within, id(value)))
    if isinstance(value, CodeType):
        parts = [value.co_code.hex(), value.co_names, *value.co_consts]
    elif isinstance(value, FunctionType):
        named = [value.__module__, value.__qualname__]
        if _is_found(value):
            return ".".join(named)
        # An empty cell is that of a name which has no value yet.
        enclosed = [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]
        parts = [*named, value.__code__, value.__defaults__, value.__kwdefaults__, *enclosed]
    elif isinstance(value, MethodType):
        parts = [value.__func__, value.__self__]
    elif isinstance(value, partial):
        parts = [value.func, value.args, value.keywords]
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        parts = [value.shape, value.dtype, zlib.crc32(np.ascontiguousarray(value).tobytes())]
    elif isinstance(value, dict):
        return f"{{{', '.join(sorted(f'{text(k)}: {text(v)}' for k, v in value.items()))}}}"
    elif isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(text, value)))}}}"
    elif isinstance(value, list | tuple):
        parts = list(value)
    elif callable(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        parts = [type(value).__module__, type(value).__qualname__, vars(value)]
    else:
        return re.sub(" at 0x[0-9a-fA-F]+", "", repr(value))
    return f"{type(value).__name__}({', '.join(map(text, parts))})"


def _is_found(function: Any) -> bool:
    """Return whether a function is found in its module, which is not the running program."""
    found = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function and function.__module__ != "__main__"
