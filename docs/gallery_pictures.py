"""For sphinx-gallery: the picture that a script of the gallery leaves beside itself, on its page."""

import shutil
from pathlib import Path
from typing import Any

from sphinx_gallery.scrapers import figure_rst


def pictures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Move them to where the page has them. Returns reStructuredText that shows them, under the title of the page. Raises
    FileNotFoundError where there is none."""
    script = Path(block_vars["src_file"])
    title = script.read_text().splitlines()[1]
    shown = [shutil.move(made, next(block_vars["image_path_iterator"])) for made in sorted(script.parent.glob("*.png"))]
    if not shown:
        raise FileNotFoundError(f"{script.name} left no picture beside itself")
    return figure_rst(shown, gallery_conf["src_dir"], title)
