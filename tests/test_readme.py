"""The README says nothing that is not so."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_snippet_runs_and_learns(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(snippet, {})
    accuracy = float(capsys.readouterr().out.split()[0])
    assert accuracy > 0.95


def test_links_and_commands_lead_to_files():
    links = re.findall(r"\]\(([^)]+)\)", README) + re.findall(r"`(examples/[\w/]+\.py)`", README)
    assert len(links) > 4
    for link in links:
        path, _, section = link.partition("#")
        assert (ROOT / path).exists(), link
        headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), flags=re.MULTILINE)
        assert not section or section in [h.lower().replace(" ", "-") for h in headings], link


def test_the_picture_is_there_and_is_described():
    ((path, text),) = re.findall(r'<img src="([^"]+)" width="\d+" alt="([^"]+)">', README)
    assert (ROOT / path).exists() and len(text) > 100


def test_run_it_and_test_it_begin_with_a_shell_block_of_one_line():
    for heading in ("Run it", "Test it"):
        section = README.split(f"\n## {heading}\n")[1]
        assert re.match(r"\n```sh\n[^\n]+\n```\n", section), heading
