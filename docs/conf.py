"""How the documents become pages: `python -m sphinx -W docs .devstack/docs`."""

project = "Paybridge"
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
html_theme = "furo"
html_title = project
exclude_patterns = ["README.md"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
