"""The documentation site: `bash scripts/docs.sh` builds it."""

import importlib
import importlib.resources
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
sys.path[:0] = [str(ROOT), str(DOCS)]

import pnnkern  # noqa: E402

ROOMS = ("optics", "crossbar", "networks", "dynamics", "learning", "systems", "random", "testing")


def given_again() -> set[str]:
    """Full names by which modules give classes that an earlier one gives, too."""
    seen: set[int] = set()
    again = set()

    def walk(module: ModuleType) -> None:
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, type) and id(thing) in seen:
                again.add(f"{module.__name__}.{name}")
            elif isinstance(thing, type):
                seen.add(id(thing))
        for name in module.__all__:
            if isinstance(inner := getattr(module, name), ModuleType) and hasattr(inner, "__all__"):
                walk(inner)

    for room in ROOMS:
        walk(importlib.import_module(f"pnnkern.{room}"))
    return again


AGAIN = given_again()
project = "pnnkern"
author = "the pnnkern developers"
copyright = author
release = version = pnnkern.__version__

extensions = [
    "myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "sphinx.ext.viewcode", "sphinx_design",
    "sphinx_gallery.gen_gallery",
]  # fmt: skip
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "_static", "examples"]
default_role = "autolink"  # of autosummary: a link where the name is one of ours, else code
nitpicky = False

myst_enable_extensions = ["colon_fence", "dollarmath", "deflist"]
myst_heading_anchors = 3

autosummary_generate = True
autosummary_context = {"again": AGAIN}  # what two modules give is indexed once
autosummary_ignore_module_all = False
autodoc_typehints = "none"  # numpydoc's sections have them
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False
numpydoc_show_class_members = False
numpydoc_validation_checks: set[str] = set()

shutil.rmtree(DOCS / "_build/scripts", ignore_errors=True)
shutil.copytree(ROOT / "scripts/gallery", DOCS / "_build/scripts")  # where they run, and leave what they make
sphinx_gallery_conf = {
    "examples_dirs": "_build/scripts",
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",  # all are run, at the size that they have by themselves
    "image_scrapers": ("gallery_pictures.pictures",),
    "within_subsection_order": "FileNameSortKey",
    "notebook_extensions": set(),
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "pnnkern"
MATHJAX = importlib.resources.files("sphinx-mathjax-offline") / "static"  # no network; as an extension it stops parallel reading
html_static_path = ["_static", str(MATHJAX)]
mathjax_path = "mathjax/tex-chtml.js"
html_css_files = ["site.css"]
html_theme_options = {
    "show_nav_level": 2,
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 4,
}
PAGES = [page.relative_to(DOCS) for page in DOCS.rglob("*.md")]
html_sidebars: dict[str, list[str]] = {page.with_suffix("").as_posix(): [] for page in PAGES if page.stem != "api"} | {"gallery/*": []}
html_show_sourcelink = False
html_copy_source = False


def escape_bars(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """|x| is an absolute value in our docstrings, and no substitution of reStructuredText."""
    for at, line in enumerate(lines):
        if "|" in line and not line.lstrip().startswith(("| ", "+-")):
            parts = re.split(r"(``.*?``)", line)
            lines[at] = "".join(part if part.startswith("``") else part.replace("|", "\\|") for part in parts)


def back_to_docs(app: object, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """From a module's source to the page of each of its names: viewcode takes all of a module to be given by one room."""

    def link(found: re.Match[str]) -> str:
        room, name, inside = found.groups()
        return f"generated/{room}.{name}.html" + (f"#{room}.{name}{inside}" if f"{room}.{name}" not in AGAIN else "") + '"'

    if page.startswith("_modules/"):
        context["body"] = re.sub(r'generated/([\w.]+)\.(\w+)\.html#[\w.]*\.\2((?:\.\w+)*)"', link, context["body"])


def setup(app: Any) -> None:
    app.connect("html-page-context", back_to_docs)
    app.connect("autodoc-process-docstring", escape_bars, priority=900)  # behind numpydoc
