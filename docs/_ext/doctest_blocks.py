"""Drop the blank line that ends a block of doctests: only doctest needs it."""

import re


def drop_last_blank_line(app, name, source):
    """Overwrite the source of a page."""
    source[0] = re.sub(r"\n\n```$", "\n```", source[0], flags=re.MULTILINE)


def setup(app):
    """Do so whenever a page has been read."""
    app.connect("source-read", drop_last_blank_line)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
