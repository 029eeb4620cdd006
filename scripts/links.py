"""Links within a built site: ``python scripts/links.py docs/_build/html``, a quarter of a minute.

Every file that a page of HTML names by href or src must be there, and every anchor in it. Addresses of other sites are left alone. Ends with
exit code 1 where a link leads nowhere, which it names.
"""

import os
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """`anchors` of a page, and `links` of it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.links = {"", "top"}, list[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name"):
                self.anchors.add(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")


def broken(site: Path) -> tuple[int, list[str]]:
    """How many links within a site there are, and those that lead nowhere, each as "page: link"."""
    files = {os.path.relpath(path, site) for path in site.rglob("*") if path.is_file()}
    pages = {path: Page(site / path) for path in sorted(files) if path.endswith(".html") and not path.startswith("_static/")}
    seen, lost = 0, []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            seen += 1
            target = os.path.normpath(os.path.join(os.path.dirname(path), unquote(parts.path))) if parts.path else path
            if target not in files or (target in pages and unquote(parts.fragment) not in pages[target].anchors):
                lost.append(f"{path}: {link}")
    return seen, lost


def main(site: str) -> int:
    seen, lost = broken(Path(site))
    print("\n".join([*lost, f"{seen} links within the site, {len(lost)} of which lead nowhere"]))
    return 1 if lost or not seen else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
