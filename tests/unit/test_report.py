"""Stories of the report: what it must say, what it must never carry, and that it is always written."""

from __future__ import annotations

import base64
import copy
import hashlib
import html
import json
import re
import unicodedata
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lambdas.investigation.report import report_html, report_json
from lambdas.investigation.shown import shown
from lambdas.investigation.summary import chat, summary_text
from lambdas.investigation.support_form import support_html, support_text
from tests import findings_sample
from tests.findings_sample import BACKDOOR, HOSTILE, KEY, ROLE_SESSION, SECRET, SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

type Json = dict[str, Any]
type Place = tuple[str | int, ...]

FORMS: dict[str, Callable[[Json], str]] = {
    "page": report_html,
    "json": report_json,
    "mail": summary_text,
    "chat": chat,
    "support page": support_html,
    "support text": support_text,
}
PAGES = {name: write for name, write in FORMS.items() if "page" in name}
SAMPLES = {
    "realistic": findings_sample.realistic,
    "hostile": findings_sample.hostile,
    "nothing": findings_sample.nothing,
}
TOKEN = "IQoJb3JpZ2luX2VjE" + base64.b64encode(b"a session token of some length, made up here" * 4).decode()
ELEMENTS = frozenset(
    re.findall(
        r"\w+",
        """html head meta title style body a header main nav footer section h1 h2 h3 p span strong bdi dl div dt dd ol
        ul li table caption thead tbody tr th td details summary code figure figcaption label input svg desc g rect
        line circle path text""",
    )
)


class Reader(HTMLParser):
    """Reads a page: its elements with their attributes, and the text of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.second_lines: list[str] = []
        self._open: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element."""
        self.elements.append((tag, dict(attrs)))
        if tag in {"td", "th"}:
            self.cells.append("")
        if dict(attrs).get("class") == "sub":
            self.second_lines.append("")

    def handle_data(self, data: str) -> None:
        """Keep the text of the last cell, and of the last second line in one."""
        if self.cells:
            self.cells[-1] += data
        if self.second_lines:
            self.second_lines[-1] += data

    def attribute(self, element: str, name: str) -> list[str]:
        """List an attribute of all elements of a name."""
        return [str(found[name]) for tag, found in self.elements if tag == element and name in found]


def places(value: Any, at: Place = ()) -> Iterator[Place]:  # noqa: ANN401  (any JSON value)
    """List where findings have a text."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from places(inner, (*at, key))
        case list():
            for number, inner in enumerate(value):
                yield from places(inner, (*at, number))
        case str():
            yield at


def put(findings: Json, at: Place, value: Any) -> Json:  # noqa: ANN401  (any JSON value)
    """Give findings with something else at a place."""
    changed = copy.deepcopy(findings)
    inner: Any = changed
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


REALISTIC = findings_sample.realistic()
TEXTS = sorted(places(REALISTIC), key=str)


# ---- what it says -----------------------------------------------------------------------------


def test_the_page_tells_the_whole_case() -> None:
    """Given findings of a leaked key, when the page is written, each part of the case is on it."""
    page = html.unescape(report_html(REALISTIC))
    for said in (
        "Access key …0001 of user ci-deploy",
        "6 credentials made 1,204 calls in 5 regions from 3 source addresses",
        "12 resources are to be reviewed",
        "Disabled access key …0001",
        "But 1 credential of the case still works.",
        "Made user support-ops.",
        "aws ec2 terminate-instances --region ap-southeast-2",
        "Defense Evasion",
        "T1562.008",
        "203.0.113.77",
        "Client.VcpuLimitExceeded",
        "Logging was changed",
        "394.47 USD",
        "GuardDuty is on in every region that is in use.",
        "1. Terminate the nine instances",
        "data events are not in CloudTrail's event history",
    ):
        assert said in page


def test_what_happened_is_told_in_three_sentences() -> None:
    """Given findings, when the page is written, three paragraphs lead it."""
    assert report_html(REALISTIC).count('<p class="lead">') == 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"held": False}, "The containment did not hold"),
        ({"held": None}, "whether it holds was not known when this was written"),
        ({"done": []}, "Nothing was done by the responder"),
        ({"done": [{"action": "disable_key", "target": "…0001", "result": "failed"}]}, "1 action failed"),
        ({"done": [{"action": "disable_key", "target": "…0001", "result": "planned"}]}, "Nothing was changed"),
        ({"credentials": []}, "Everything that was done was read back afterwards and held."),
    ],
)
def test_whether_it_held_is_said_as_it_is(changes: Json, said: str) -> None:
    """Given how the containment stands, when a form is written, it says neither more nor less."""
    for write in (report_html, summary_text):
        assert said in re.sub(r"\s+", " ", write(REALISTIC | changes))


def test_what_could_not_be_seen_is_said_in_words() -> None:
    """Given findings of nothing, when the page is written, each part says that nothing was found or could be seen."""
    page = html.unescape(report_html(findings_sample.nothing()))
    for said in (
        "No call with the credentials of the case was found",
        "Nothing was done by the responder",
        "The findings name no next step.",
        "No call was found, so there is no timeline.",
        "No credential was found",
        "No resource was found",
        "Nothing else was found that is new",
        "No call was found that is known for attacks.",
        "No source address was found.",
        "No call was refused",
        "No call that changes logging was found.",
        "No user or role was read.",
        "What it cost could not be seen.",
        "How well the account is protected was not looked at.",
        "What CloudTrail does not record stays unknown.",
    ):
        assert said in page


def test_the_lineage_is_drawn_three_steps_deep_and_said_in_words() -> None:
    """Given sessions of sessions, when the page is written, the tree has each, and its description counts them."""
    page = report_html(REALISTIC)
    tree = page[page.index('<svg viewBox="0 0 924') :]
    tree = tree[: tree.index("</figure>")]
    assert tree.count('class="box"') == 6
    assert tree.count('class="edge"') == 5
    assert "at most 3 steps away" in tree
    assert 'role="img"' in tree


def test_a_wide_tree_is_folded_and_a_circle_is_drawn_once() -> None:
    """Given many children, or parents that are their own grandchildren, when drawn, the tree is small and whole."""
    one = REALISTIC["credentials"][0]
    wide = [one] + [one | {"id": f"…1{number:03}", "parent": one["id"], "events": number} for number in range(400)]
    assert "395 more" in report_html(REALISTIC | {"credentials": wide})
    circle = [one | {"id": "…AAAA", "parent": "…BBBB"}, one | {"id": "…BBBB", "parent": "…AAAA"}]
    page = report_html(REALISTIC | {"credentials": circle})
    assert page.count('class="box"') == 2
    deep = [one | {"id": f"…{number:04}", "parent": f"…{number - 1:04}" if number else None} for number in range(2_000)]
    assert "see the table" in report_html(REALISTIC | {"credentials": deep})


def test_a_huge_case_stays_readable() -> None:
    """Given ten thousand entries, nine hundred credentials, three thousand resources, the page is below 2 MB."""
    page = report_html(findings_sample.huge())
    assert len(page.encode()) < 2_000_000
    assert "The heaviest 500 of 10,000 entries" in page
    assert "more: not shown on this page" in page
    assert len(re.findall("<rect", page)) < 1_000


def test_a_huge_hostile_case_stays_below_its_size() -> None:
    """Given ten thousand entries full of what has to be escaped, and resources in a thousand regions, it does too."""
    findings = findings_sample.huge(1_500, 300, 1_000)
    for rows in (name for name, value in REALISTIC.items() if isinstance(value, list) and isinstance(value[0], dict)):
        many = (findings[rows] * 400)[: max(len(findings[rows]), 400)]
        findings[rows] = [
            {
                key: f'"{number}' * 300 if isinstance(value, str) and key not in {"at", "id"} else value
                for key, value in row.items()
            }
            for number, row in enumerate(many)
        ]
    findings |= {"next_steps": ['"' * 700] * 500, "unknown": ["&" * 700] * 500}
    assert len(report_html(findings).encode()) < 2_000_000


# ---- what it never carries --------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_no_form_shows_a_whole_key_id(form: str, sample: str) -> None:
    """Given findings that hold whole key ids, when a form is written, none is in it."""
    written = FORMS[form](SAMPLES[sample]())
    for key in (KEY, SESSION, ROLE_SESSION, BACKDOOR):
        assert key not in written


@given(
    st.sampled_from(TEXTS),
    st.sampled_from([KEY, SESSION, SECRET, TOKEN]),
    st.sampled_from(["{}", "x {} y", "'{}'", "=({})", "\u202e{}\n", "{} {}"]),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_no_secret_leaves_wherever_it_stands(at: Place, secret: str, around: str) -> None:
    """Given a key id, a secret or a token in any text of the findings, when a form is written, it is not in it."""
    findings = put(REALISTIC, at, around.replace("{}", secret))
    for write in FORMS.values():
        assert secret not in html.unescape(write(findings))


@pytest.mark.parametrize("form", FORMS)
def test_a_key_id_as_a_name_of_a_field_is_cut_too(form: str) -> None:
    """Given a region that is a key id, and fields that nobody knows, when a form is written, no id is in it."""
    findings = copy.deepcopy(REALISTIC)
    findings["credentials"][0]["regions"] = {KEY: 3, f"{SECRET}": 2}
    findings |= {f"extra {KEY}": {"deep": [{KEY: SECRET}]}, "key_id": KEY}
    written = FORMS[form](findings)
    assert KEY not in written
    assert SECRET not in written


@pytest.mark.parametrize("form", FORMS)
def test_a_key_id_that_looks_like_no_key_id_is_cut_where_the_findings_name_it(form: str) -> None:
    """Given a key id of another form, when a form is written, it is cut wherever it stands."""
    findings = copy.deepcopy(REALISTIC)
    findings["credentials"][0]["key_id"] = "odd-key-id-of-an-emulator"
    findings["timeline"][0] |= {
        "what": "Used odd-key-id-of-an-emulator.",
        "by": "odd-key-id-of-an-emulator",
        "weight": 3,
    }
    findings["subjects"][0]["id"] = "odd-key-id-of-an-emulator"
    assert "odd-key-id-of-an-emulator" not in FORMS[form](findings)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_what_an_attacker_wrote_is_text_on_a_page(name: str, hostile: str) -> None:
    """Given markup, scripts or addresses in every text, when a page is written, it has only the elements it knows."""
    findings = findings_sample.hostile()
    for at in places(findings):
        if "key_id" not in at:
            findings = put(findings, at, hostile) if at[0] in {"title", "subjects", "unknown"} else findings
    findings["timeline"] = [one | {"what": hostile, "agent": hostile} for one in findings["timeline"]]
    findings["resources"] = [one | {"id": hostile, "console": hostile} for one in findings["resources"]]
    page = PAGES[name](findings)
    reader = Reader(page)
    assert {tag for tag, _ in reader.elements} <= ELEMENTS
    assert not {
        name for _, found in reader.elements for name in found if name.startswith("on") or name in {"style", "src"}
    }
    assert all(href.startswith("#") for href in reader.attribute("a", "href"))
    assert all(unicodedata.category(one) not in {"Cf", "Cc", "Cs", "Co"} for one in page if one != "\n")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_spreadsheet_computes_nothing_of_a_pasted_table(name: str, sample: str) -> None:
    """Given names that are formulas, when a table of a page is pasted into a spreadsheet, its cells are text."""
    reader = Reader(PAGES[name](SAMPLES[sample]()))
    for shown_ in (*reader.cells, *reader.second_lines):
        assert not shown_.strip().startswith(("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_may_load_and_run_nothing(name: str) -> None:
    """Given a page, its policy forbids everything but its own style, which it names by its hash."""
    page = PAGES[name](REALISTIC)
    policy = html.unescape(next(iter(re.findall(r'Content-Security-Policy" content="([^"]*)"', page))))
    style = page[page.index("<style>") + len("<style>") : page.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "@import" not in style
    assert "<script" not in page


@pytest.mark.parametrize(
    "address",
    [
        "https://us-east-1.console.aws.amazon.com/iam/home#/users/details/x",
        "https://console.aws.amazon.com",
        "https://cn-north-1.console.amazonaws.cn/ec2/home?region=cn-north-1",
        "https://us-gov-west-1.console.amazonaws-us-gov.com/ec2/home",
    ],
)
def test_a_link_leads_to_the_console(address: str) -> None:
    """Given an address of the console, when the page is written, it is a link that does not tell where it was."""
    findings = REALISTIC | {"resources": [REALISTIC["resources"][0] | {"console": address}]}
    reader = Reader(report_html(findings))
    links = [found for tag, found in reader.elements if tag == "a" and found.get("href") == address]
    assert [found["rel"] for found in links] == ["noopener noreferrer"]


@pytest.mark.parametrize(
    "address",
    [
        "http://console.aws.amazon.com/",
        "https://aws.amazon.com.evil.example/",
        "https://evil.example/.console.aws.amazon.com",
        "https://evil.example#.aws.amazon.com/",
        "https://user@console.aws.amazon.com/",
        "https://console.aws.amazon.com@evil.example/",
        "https://console.aws.amazon.com:8443/",
        "https://console.aws.amazon.com\\@evil.example/",
        "https://evilaws.amazon.com/",
        'https://console.aws.amazon.com/"onclick="alert(1)',
        "https://console.aws.amazon.com/ x",
        "https://console.aws.amazon.com/\n",
        "javascript:alert(1)//.aws.amazon.com",
        "//console.aws.amazon.com/",
        f"https://console.aws.amazon.com/{KEY}",
        "https://console.aws.amazon.com/" + "a" * 3_000,
        "",
        None,
        7,
        ["https://console.aws.amazon.com/"],
    ],
)
def test_no_other_address_is_a_link(address: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Given any other address, when the page is written, there is no link."""
    findings = REALISTIC | {"resources": [REALISTIC["resources"][0] | {"console": address}], "stock": []}
    assert all(href.startswith("#") for href in Reader(report_html(findings)).attribute("a", "href"))


@pytest.mark.parametrize(
    "line", ["aws x\nrm -rf /", f"aws iam x --access-key-id {KEY}", "aws \u202e x", "aws " + "x" * 5_000]
)
def test_a_command_that_cannot_be_shown_as_it_is_is_not_shown(line: str) -> None:
    """Given a command that would have to be changed to be shown, when the page is written, it is not on it."""
    findings = REALISTIC | {"resources": [REALISTIC["resources"][0] | {"look": line, "remove": line}], "stock": []}
    assert 'class="cmd"' not in report_html(findings)


# ---- the mail and the form for Support --------------------------------------------------------


@pytest.mark.parametrize("findings", [*SAMPLES.values(), findings_sample.huge])
def test_the_mail_is_short_and_narrow(findings: Callable[[], Json]) -> None:
    """Given any findings, when the mail is written, it has at most 60 lines of at most 88 letters."""
    where = "s3://evidence-bucket/incidents/inc-20261120-4f1d2a9b07/" + "x" * 80
    rows = summary_text(findings(), where).rstrip("\n").split("\n")
    assert len(rows) <= 60
    assert all(len(row) <= 88 for row in rows if row != where)
    assert where in rows


def test_a_name_cannot_write_a_line_of_the_mail() -> None:
    """Given names with line breaks and headings, when the mail is written, it has the headings of its own only."""
    headings = [
        row
        for row in summary_text(findings_sample.hostile()).split("\n")
        if row and row == row.upper() and row[0] != " "
    ]
    assert headings.count("THE CASE") == 1
    assert headings[-1] == "THE CASE"


def test_a_chat_reads_no_mention_and_no_link() -> None:
    """Given a title that mentions everybody and links, when told in a chat, each of its marks is escaped."""
    told = chat(REALISTIC | {"title": "<!channel> @here [click](https://evil.example)"})
    assert "\\<\\!channel\\>" in told
    assert "\\@here" in told
    assert "](" not in told.replace("\\]\\(", "")


def test_the_form_for_support_has_what_support_needs() -> None:
    """Given findings, when the form is written, both forms have calls, regions, addresses, ids, actions, controls."""
    for write in (support_html, support_text):
        written = re.sub(r"\s+", " ", html.unescape(write(REALISTIC)))
        for said in (
            "123456789012",
            "access key ending in 0001",
            "ec2:RunInstances",
            "ap-southeast-2",
            "203.0.113.77",
            "i-0aa00000000000000",
            "The access key was made inactive",
            "The root user has MFA.",
            "aws-cli/2.15.30",
            "301.12 USD",
        ):
            assert said in written


def test_the_form_for_support_tells_nothing_of_the_company() -> None:
    """Given findings with names, ARNs, agents, policies and notes, when the form is written, none of them is in it."""
    findings = copy.deepcopy(REALISTIC)
    policy = '{"Version": "2012-10-17", "Statement": []}'
    findings["resources"][0] |= {
        "note": policy,
        "state": policy,
        "id": policy,
        "arn": f"arn:aws:iam::123456789012:user/{policy}",
    }
    findings["timeline"][4]["what"] = policy
    findings["posture"][1]["detail"] = policy
    for write in (support_html, support_text):
        written = html.unescape(write(findings))
        for hidden in (
            "ci-deploy",
            "deploy-prod",
            "log-archive",
            "2012-10-17",
            "arn:aws",
            "kali",
            "AWS Health",
            "next to",
        ):
            assert hidden not in written


# ---- whatever comes ---------------------------------------------------------------------------


@pytest.mark.parametrize("field", [*REALISTIC, "all"])
@pytest.mark.parametrize("value", [None, "text", [], 7, ["text"], [{}], {"days": [7], "services": None}])
def test_every_form_is_written_when_a_field_is_missing_or_odd(field: str, value: Any) -> None:  # noqa: ANN401  (any JSON value)
    """Given findings with anything in a field, or without it, when the forms are written, nothing is raised."""
    odd: Json = dict.fromkeys(REALISTIC, value) if field == "all" else REALISTIC | {field: value}
    missing = {key: one for key, one in REALISTIC.items() if field not in {key, "all"}}
    for findings in (odd, missing):
        for write in FORMS.values():
            assert write(findings)


@given(st.sampled_from(sorted({at[:-1] for at in TEXTS if len(at) > 1}, key=str)), st.data())
@settings(derandomize=True, max_examples=80, deadline=None)
def test_every_form_is_written_when_an_entry_is_odd(at: Place, data: st.DataObject) -> None:
    """Given an entry that lacks a field or has another kind of value, when the forms are written, nothing is raised."""
    entry: Any = REALISTIC
    for key in at:
        entry = entry[key]
    if isinstance(entry, list):
        return
    key = data.draw(st.sampled_from(sorted(entry)))
    odd: Any = data.draw(
        st.sampled_from([None, 7, "x", [], {}, [1], 10**40, 1e308, float("nan"), "9999-99-99T99:99:99Z"])
    )
    changed = put(REALISTIC, (*at, key), odd)
    for write in FORMS.values():
        assert write(changed).encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*REALISTIC, "surprise"]), json_values))
@example({"credentials": [{"id": "", "parent": ""}], "timeline": [{"at": "2026-01-01"}]})
@settings(derandomize=True, max_examples=150, deadline=None)
def test_every_form_is_written_whatever_comes(findings: Json) -> None:
    """Given any JSON at all, when the forms are written, each is written, can be encoded, and the JSON can be read."""
    for write in FORMS.values():
        assert write(findings).encode()
    assert json.loads(report_json(findings))["cost"] == shown(findings)["cost"]


def test_the_json_is_what_is_shown_and_reads_again() -> None:
    """Given the JSON of a report, when the report is written from it again, it is the same."""
    again = json.loads(report_json(REALISTIC))
    assert report_html(again) == report_html(REALISTIC)
    assert again["credentials"][1]["parent"] == "…0001"
    assert "key_id" not in json.dumps(again)
