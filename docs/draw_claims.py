"""Draw sentences of the README and the site at random, to be checked before a release.

python docs/draw_claims.py --seed 17 --most 15
"""

import argparse
import random
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = {"_build", "gallery", "generated"}

# Parts of a page that are not prose: code, formulas, comments, HTML, directives and their options.
NO_PROSE = re.compile(
    r"```.*?```|\$\$.*?\$\$|<!--.*?-->|<img.*?>|^:{3,}.*?$|^:[\w-]+:.*?$|^#.*?$",
    re.DOTALL | re.MULTILINE,
)
# A sentence ends with a full stop and a space before a capital or code, or with its paragraph.
END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`*\[])")


def pages():
    """Return the README and the pages that are written by hand."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    written = [path for path in docs if not GENERATED & {*path.relative_to(ROOT / "docs").parts}]
    return [ROOT / "README.md", *written]


def claims(text):
    """Yield the sentences and rows of tables of a page that say something, outside of code."""
    prose = NO_PROSE.sub("\n\n", text)
    items = re.sub(r"^\s*(?:[-*]|\d+\.)\s", "\n\n", prose, flags=re.MULTILINE)
    rows = re.sub(r"^\|", "\n\n|", items, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", rows):
        for sentence in END.split(" ".join(paragraph.split())):
            if len(sentence.split()) > 5 and not sentence.startswith("You will learn"):
                yield sentence


def main():
    """Print a numbered list of what was drawn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=15)
    options = parser.parse_args()
    found = [
        (path.relative_to(ROOT), claim) for path in pages() for claim in claims(path.read_text())
    ]
    drawn = random.Random(options.seed).sample(found, min(options.most, len(found)))
    print(f"{len(drawn)} of {len(found)} sentences, seed {options.seed}\n")
    for number, (page, claim) in enumerate(drawn, 1):
        print(f"{number}. {page}: {claim}")


if __name__ == "__main__":
    main()
