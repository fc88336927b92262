"""How the documentation is built: Sphinx, MyST and furo, without a network; warnings are errors (`make check`)."""

import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "connector-sdk"
author = "the connector-sdk developers"
release = version = metadata.version("connector-sdk")
project_copyright = "the connector-sdk developers; Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "generated_pages"]
exclude_patterns = ["_build", "changes/README.md", "changes/+*"]
nitpicky = True
# Python's and Arrow's own documentation is elsewhere, and no inventory is fetched during a build.
nitpick_ignore_regex = [
    ("py:.*", r"(collections(\.abc)?|pyarrow|pa|typing|pathlib|types|datetime|decimal|enum|click|pydantic|pydantic_core)\..*"),
    ("py:.*", r"(Any|Self|Path|BinaryIO|Iterator|Iterable|Mapping|Sequence|Callable|Decimal|TracebackType|optional)"),
    ("py:.*", r"(BaseModel|BeforeValidator)"),
    ("py:.*", r"(tuple|Mapping|Sequence)\[.*"),  # an annotation that Sphinx cuts at its comma
    ("py:.*", r"(.*\.)?(JSON|Model|Row|T|Convert|Folder|Output|Sample|_\w+)"),  # aliases, type variables, and what is private
    ("py:.*", r"connector_sdk\.testing\.(laws\.subject|fake_system)\..*"),  # inside the kit
]
suppress_warnings = ["ref.python"]  # a field that has the name of a type, as `bytes`

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "undoc-members": False, "show-inheritance": True}
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"connector-sdk {release}"
html_static_path = ["_static"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "github-dark"
