"""How Sphinx builds the site: `make docs`, without a network."""

import sys
from pathlib import Path

import matplotlib

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

import skmax  # noqa: E402

matplotlib.use("agg")

project = "skmax"
author = "The skmax developers"
copyright = "The skmax developers"
version = release = skmax.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "matplotlib.sphinxext.plot_directive",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "doctest_blocks",
    "mathml",
    "scikit_learn_links",
]

root_doc = "index"
exclude_patterns = [
    "_build",
    "_ext",
    "_static",
    "_templates",
    "gallery/**/*.ipynb",
    "gallery/**/*.py",
]
templates_path = ["_templates"]
nitpicky = True
# In docstrings a single backtick is code, as in scikit-learn's.
default_role = "literal"

# Pages in Markdown, so that they can be read in the repository too.
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3

# The API: a page per object, its own methods on it, what it inherits not.
autosummary_generate = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# Formulas as MathML, which browsers draw themselves: no script, no font, no network.
html_math_renderer = "mathml"

plot_formats = ["svg"]
plot_include_source = False
plot_html_show_formats = False
plot_html_show_source_link = False
plot_rcparams = {"svg.fonttype": "path", "font.size": 10}
plot_basedir = "figures"

sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    # The sections, from the first thing that a reader wants to the last.
    "subsection_order": [
        f"../examples/{name}"
        for name in ("data", "training", "probabilities", "deployment", "mathematics")
    ],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "gallery/backreferences",
    "doc_module": ("skmax",),
    "reference_url": {"skmax": None},
    "reset_modules": ("matplotlib", "examples.warnings_are_errors"),
    "reset_modules_order": "both",
    "default_thumb_file": str(HERE / "_static" / "script.png"),
    "thumbnail_size": (720, 540),
    "image_srcset": ["1.5x"],
    "show_memory": False,
    "show_signature": False,
    "remove_config_comments": True,
    "plot_gallery": True,
    # Two at a time, but alone those that measure times or have two processes of their own,
    # which say so.
    "parallel": 2,
    "abort_on_example_error": False,
    "min_reported_time": 1,
    "write_computation_times": False,
}

copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = "skmax"
html_static_path = ["_static"]
html_css_files = ["skmax.css"]
html_search_scorer = str(HERE / "scorer.js")
html_copy_source = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_sidebars = {"index": [], "changelog": []}
html_theme_options = {
    "logo": {"text": "skmax"},
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
