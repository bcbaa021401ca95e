"""References to scikit-learn's objects as links to its site, without its inventory.

An inventory would have to be fetched in each build; the address of an object's page follows
from its name.
"""

from docutils import nodes


def link(app, env, node, contents):
    """Return a link for a reference to an object of scikit-learn, None for any other."""
    target = node.get("reftarget", "")
    if not target.startswith("sklearn."):
        return None
    address = f"https://scikit-learn.org/stable/modules/generated/{target}.html"
    return nodes.reference("", "", contents, internal=False, refuri=address)


def setup(app):
    """Answer references that nothing in the site does."""
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
