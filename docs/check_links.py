"""Check a built site: each link within it leads somewhere, and no page needs a network.

python docs/check_links.py docs/_build/html
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Of these a page is not whole without what they load.
LOADED = {"script": "src", "img": "src", "source": "srcset", "iframe": "src"}


class Page(HTMLParser):
    """The links of a page, what it loads, and the anchors that links can lead to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = {""}, [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        """Note what a tag refers to."""
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "link" and values.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(values["href"])
        elif LOADED.get(tag) in values:
            self.loaded += [part.split()[0] for part in values[LOADED[tag]].split(",")]


def faults(root):
    """Return a line for each link of the site that leads nowhere."""
    pages = {path: Page(path) for path in sorted(root.rglob("*.html"))}
    lines = [] if pages else [f"{root} has no pages"]
    for path, page in pages.items():
        if "_static" in path.relative_to(root).parts:
            continue
        for link in page.loaded + page.links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if link in page.loaded:
                    lines.append(f"{path}: loads {link}")
                continue
            target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            # What follows ":~:" names a text to scroll to, and no anchor.
            anchor = unquote(parts.fragment.partition(":~:")[0])
            if not target.is_file():
                lines.append(f"{path}: {link} is no file")
            elif target in pages and anchor not in pages[target].anchors:
                lines.append(f"{path}: {link} is no anchor")
    return lines


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]).resolve())
    print("\n".join(found) or "every link within the site leads somewhere")
    sys.exit(bool(found))
