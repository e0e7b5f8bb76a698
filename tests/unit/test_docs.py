"""The documents: what is generated is up to date, and what is written by hand names what there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from docs.__main__ import FOLDER, ROOT, documents, main
from lambdas.model import Outcome
from stacks import settings

if TYPE_CHECKING:
    from pathlib import Path

BY_HAND = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
WRITTEN = [ROOT / name for name in BY_HAND]
ALL = [*WRITTEN, *documents()]

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_KEY_ID = re.compile(r"A(?:KIA|SIA)[A-Z0-9]{12,}")


def anchors(path: Path) -> set[str]:
    """List the anchors that a page's headings make."""
    headings = _HEADING.findall(path.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.name)
def test_a_generated_document_says_what_the_code_says(path: Path) -> None:
    """Given the code, each generated document in the repository is the one that it makes."""
    assert path.read_text("utf-8") == documents()[path], "run `make docs`"


def test_a_stale_document_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given a document that is stale, the check names it and fails; written again, the check passes."""
    page = tmp_path / "page.md"
    page.write_text("old")
    monkeypatch.setattr("docs.__main__.ROOT", tmp_path)
    monkeypatch.setattr("docs.__main__.documents", lambda: {page: "new"})
    assert main(["--check"]) == 1
    assert "page.md" in capsys.readouterr().err
    assert page.read_text() == "old"
    assert main([]) == 0
    assert page.read_text() == "new"
    assert main(["--check"]) == 0


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(path: Path) -> None:
    """Given a document, each relative link is a file that there is, and each anchor a heading of it."""
    links = [link for link in _LINK.findall(path.read_text("utf-8")) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_the_readme_names_every_setting_and_every_outcome() -> None:
    """Given the settings and the outcomes, the README has a row for each."""
    rows = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("|")]
    named = {row.split("|")[1].strip().strip("`") for row in rows}
    assert set(settings.ALL) <= named
    assert set(Outcome) <= named


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_no_document_shows_a_whole_key_id(path: Path) -> None:
    """Given a document, it holds nothing that has the form of an access key id."""
    assert not _KEY_ID.search(path.read_text("utf-8"))


def test_nothing_else_is_in_the_folder() -> None:
    """Given the folder, every page in it is generated."""
    assert set(FOLDER.glob("*.md")) == set(documents())
