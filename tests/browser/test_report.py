"""Stories of the report in a real browser: opened from the disk, it shows the case, and does nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lambdas.investigation.report import report_html
from lambdas.investigation.support_form import support_html
from tests import findings_sample

type Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
CASES = {
    "realistic": report_html(findings_sample.realistic()),
    "hostile": report_html(findings_sample.hostile()),
    "nothing": report_html(findings_sample.nothing()),
    "support": support_html(findings_sample.realistic()),
}
HUGE = {"huge": report_html(findings_sample.huge())}
LONGEST_SECONDS = 240


def look(folder: Path, cases: dict[str, str], *, axe: bool) -> dict[str, Json]:
    """Write pages, open each in the browser, and give what it saw."""
    for name, page in cases.items():
        (folder / f"{name}.html").write_text(page)
    files = {name: str(folder / f"{name}.html") for name in cases}
    ran = subprocess.run(  # noqa: S603 - our own tool
        [str(ROOT / ".build" / "bin" / "node"), str(Path(__file__).parent / "look.mjs")],
        input=json.dumps({"pages": list(files.values()), "axe": axe}),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)["pages"]
    return {name: seen[file] for name, file in files.items()}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    """Open every page once."""
    folder = tmp_path_factory.mktemp("pages")
    return look(folder, CASES, axe=True) | look(folder, HUGE, axe=False)


@pytest.mark.parametrize("name", [*CASES, *HUGE])
def test_a_page_opens_from_the_disk_and_asks_for_nothing(seen: dict[str, Json], name: str) -> None:
    """Given a page on the disk, when it is opened, it makes no request, no error, no dialog, no window."""
    page = seen[name]
    assert page["requests"] == [page["url"]]
    assert page["console"] == []
    assert page["errors"] == []
    assert (page["dialogs"], page["popups"]) == (0, 0)


@pytest.mark.parametrize("name", [*CASES, *HUGE])
def test_a_page_has_nothing_in_it_that_runs(seen: dict[str, Json], name: str) -> None:
    """Given names that are markup, when the browser has read the page, it found no element or handler of theirs."""
    page = seen[name]
    assert page["strangers"] == []
    assert page["handlers"] == []
    assert set(page["inputs"]) <= {"checkbox"}
    assert all(link.startswith(("#", "https://")) for link in page["links"])
    assert page["texts"] > 500


@pytest.mark.parametrize("name", ["realistic", "hostile", "huge"])
def test_the_timeline_and_the_lineage_are_seen(seen: dict[str, Json], name: str) -> None:
    """Given a case with calls and credentials, when the report is open, both pictures are drawn, and said in words."""
    for picture in (seen[name]["timeline"], seen[name]["lineage"]):
        assert picture["width"] > 600
        assert picture["height"] > 100
        assert 5 < picture["shapes"] < 900
        assert all(picture["said"])
    assert any("contained" in one for one in seen[name]["timeline"]["texts"])


def test_the_pictures_say_whose_calls_and_what_came_from_what(seen: dict[str, Json]) -> None:
    """Given sessions of sessions, when the report is open, lanes and boxes are named by their last four."""
    assert {"key …0001", "role session …0005"} <= set(seen["realistic"]["timeline"]["texts"])
    assert {"…0001 key", "…0005 role session", "active"} <= set(seen["realistic"]["lineage"]["texts"])


@pytest.mark.parametrize("name", CASES)
def test_nothing_keeps_anybody_from_reading_it(seen: dict[str, Json], name: str) -> None:
    """Given a page, by day on a desk and by night on a phone, when axe checks it, it finds no violation."""
    assert seen[name]["violations"] == []


@pytest.mark.parametrize("name", [*CASES, *HUGE])
def test_it_fits_a_phone(seen: dict[str, Json], name: str) -> None:
    """Given a screen 390 wide, when the page is open, only tables and pictures scroll sideways, not the page."""
    assert seen[name]["phone"]["wide"] <= 390


@pytest.mark.parametrize("name", [*CASES, *HUGE])
def test_it_is_whole_on_paper(seen: dict[str, Json], name: str) -> None:
    """Given a printer, when it is printed, what is folded on the screen is open, and the links to parts are gone."""
    assert seen[name]["print"]["hidden"] == 0
    assert not seen[name]["print"]["nav"]
    assert name not in HUGE or seen[name]["folded"] > 5
    assert name in HUGE or seen[name]["print"]["bytes"] > 10_000
