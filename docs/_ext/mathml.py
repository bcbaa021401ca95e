"""Formulas as MathML: drawn by the browser, without scripts, fonts or a network."""

from docutils import nodes
from latex2mathml.converter import convert


def visit_math(translator, node):
    """Write a formula within a line."""
    translator.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def visit_displayed_math(translator, node):
    """Write a formula on lines of its own."""
    identifier = f' id="{node["ids"][0]}"' if node["ids"] else ""
    formula = convert(node.astext(), display="block")
    translator.body.append(f'<div class="formula"{identifier}>{formula}</div>\n')
    raise nodes.SkipNode


def setup(app):
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displayed_math, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
