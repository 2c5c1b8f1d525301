"""Sphinx: settings, and the reference pages that are made from the code before every build."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generate import write_reference

project = "Fluxion"
author = "The Fluxion authors"
copyright = "2026, The Fluxion authors"  # Sphinx's own name
release = metadata.version("fluxion-core")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "Fluxion"
exclude_patterns = ["_build", "changelog"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_type_aliases = {"Document": "Document", "Json": "Json"}
nitpicky = False
suppress_warnings = ["ref.python", "misc.highlighting_failure"]


def setup(app):
    """Write the generated pages before the build reads any."""
    app.connect("builder-inited", lambda _app: write_reference(Path(__file__).parent / "reference" / "generated"))
