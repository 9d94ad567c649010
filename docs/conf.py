"""Sphinx configuration; warnings are errors (`make docs`)."""

from importlib import import_module

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

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
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "lightning_regkit"

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


def warn_of_undocumented(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of exported names that no page shows: sphinx.ext.coverage does not see what a package re-exports."""
    documented = env.domaindata["py"]["objects"]
    for package in sorted(set(lightning_regkit.__all__) - {"__version__", "explain"}):
        for name in import_module(f"lightning_regkit.{package}").__all__:
            if f"lightning_regkit.{package}.{name}" not in documented:
                logging.getLogger(__name__).warning("lightning_regkit.%s.%s is on no page", package, name)


def setup(app: Sphinx) -> None:
    """Connect the check above."""
    app.connect("env-updated", warn_of_undocumented)
