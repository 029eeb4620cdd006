"""For sphinx-gallery: the picture that a script of the gallery leaves beside itself, on its page."""

import shutil
from pathlib import Path
from typing import Any

PICTURE = """
.. container:: picture

   .. image:: /{path}
      :alt: {title}

"""


def pictures(block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """Move it to where the page has it. Returns reStructuredText that shows it, under the title of the page.

    Raises FileNotFoundError where there is none.
    """
    script = Path(block_vars["src_file"])
    made = script.with_suffix(".png")
    if not made.exists():
        raise FileNotFoundError(f"{script.name} left no {made.name} beside itself")
    shown = Path(shutil.move(made, next(block_vars["image_path_iterator"])))
    return PICTURE.format(path=shown.relative_to(gallery_conf["src_dir"]).as_posix(), title=script.read_text().splitlines()[1])
