"""Sphinx configuration; warnings are errors (`make docs`)."""

import re
from importlib import import_module

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

import lightning_regkit

project = "lightning_regkit"
author = "The lightning_regkit developers"
copyright = "2026, the lightning_regkit developers"  # noqa: A001  # the name Sphinx reads
release = version = lightning_regkit.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.coverage",
    "sphinx.ext.doctest",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = "lightning_regkit"
html_copy_source = False
# Browsers draw MathML, without a script from the network.
html_math_renderer = "mathml"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "groupwise"
autodoc_typehints = "description"
# A hook that overrides Lightning's is not documented by Lightning's docstring.
autodoc_inherit_docstrings = False
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_numpy_docstring = False

# Not looked up: names of other projects (a build needs no network), and private names (bases of what is public).
nitpick_ignore_regex = [("py:.*", r"(?!lightning_regkit\.).*"), ("py:.*", r".*\._.*")]

# Docstring examples run under pytest, with the names of their module; here run the examples of the pages.
doctest_test_doctest_blocks = ""

coverage_show_missing_items = True

#: TeX that docutils would read as something else: 12 as one number, and an index as one below the hat.
READ_AS = {r"(frac)(\d)(\d)": r"\1{\2}{\3}", r"(\\(?:bar|hat|tilde) \w)(?=_)": r"{\1{}}"}


def warn_of_undocumented(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of exported names that no page shows: sphinx.ext.coverage does not see what a package re-exports."""
    documented = env.domaindata["py"]["objects"]
    for package in sorted(set(lightning_regkit.__all__) - {"__version__", "explain"}):
        for name in import_module(f"lightning_regkit.{package}").__all__:
            if f"lightning_regkit.{package}.{name}" not in documented:
                logging.getLogger(__name__).warning("lightning_regkit.%s.%s is on no page", package, name)


def visit_math(translator: HTML5Translator, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML; warn of what cannot be."""
    formula = node.astext()
    for written, read in READ_AS.items():
        formula = re.sub(written, read, formula)
    try:
        translator.body.append(tex2mathml(formula, as_block=isinstance(node, nodes.math_block)))
    except MathError as error:
        logging.getLogger(__name__).warning("%s: %s", formula, error, location=node)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Connect what is above."""
    app.connect("env-updated", warn_of_undocumented)
    app.add_html_math_renderer("mathml", inline_renderers=(visit_math, None), block_renderers=(visit_math, None))
