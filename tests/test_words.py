"""The documents use words that a newcomer knows, and no private ones."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *(
        page
        for page in sorted((ROOT / "docs").rglob("*.md"))
        if not {"_build", "gallery", "generated"} & set(page.relative_to(ROOT).parts)
    ),
]

# What is not to be written, an example of it, and what to write instead.
WORDS = [
    (r"\btimid", "too timid", "underconfident"),
    (r"\bhabits?\b", "it has the habits of MLPClassifier", "parameters and methods"),
    (r"\bpeers?\b", "faster than its peer", "the name of the other classifier"),
    (r"(?<!\")\bhelper (network|fit)", "a helper network", "held-out fit"),
    (r"\bnetworks? of helpers?\b|\bno helpers?\b", "no helper and no temperature", "held-out fit"),
    (r"\brows (have )?(advise|say how long)", "held-out rows advise 60 epochs", "choose"),
    (r"\bfits (have )?advise", "what the held-out fits advise", "choose"),
    (r"\bat rest\b", "judged at rest", "where the learning rate is zero"),
    (r"\bknows? no end\b", "it knows no end", "cannot know how many rows will follow"),
    (r"\bneither showed\b", "because neither showed", "did not improve the scores"),
    (r"\bthey do not show\b", "they do not show", "did not improve the scores"),
    (r"\bnothing was chosen\b", "on which nothing was chosen", "that played no part in choosing"),
    (r"\bsize counts against\b", "their size counts against alpha", "say what multiplying does"),
    (r"\bis streamed\b", "what is too large is streamed", "stream it with partial_fit"),
    (r"\bNumPy alone\b", "on NumPy alone", "NumPy, SciPy and scikit-learn"),
    (r"\btakes? MLPClassifier \d", "a fit takes MLPClassifier 2 times as long", "X takes 2 times"),
    (r"\bthe door\b", "checked at the door", "at the entrance, before the fit begins"),
]


def plain(text):
    """The text of a page without what is code, in one line."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"`[^`]*`", " ", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_has_no_private_words(page):
    text = plain(page.read_text())
    found = {
        text[max(0, match.start() - 40) : match.end() + 40]: instead
        for pattern, _, instead in WORDS
        for match in re.finditer(pattern, text, re.IGNORECASE)
    }
    assert found == {}


@pytest.mark.parametrize("pattern, example, instead", WORDS, ids=[word[0] for word in WORDS])
def test_a_private_word_would_be_found_and_what_to_write_would_not(pattern, example, instead):
    assert re.search(pattern, plain(example), re.IGNORECASE)
    assert not re.search(pattern, instead, re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_promises_no_package_on_an_index(page):
    assert "pip install skmax" not in page.read_text()
