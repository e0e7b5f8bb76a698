"""Stories of untrusted text: what it must not carry to people and logs."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas import text

KEY = "AKIA2TESTEXPOSED0001"
SESSION_KEY = "ASIA2TESTSESSION0001"
SECRET = "q7Rk2mZ0vXy9Lb4Nf6Tj1HsWc8Dg3PaEo5Ui+K/x"
TOKEN = "IQoJb3JpZ2luX2VjE" + base64.b64encode(b"a session token of some length, made up here" * 4).decode()


@pytest.mark.parametrize("key", [KEY, SESSION_KEY, "LKIA2TESTEMULATED001", "LSIA2TESTEMULATED001"])
def test_of_a_key_id_only_the_last_four_characters_are_shown(key: str) -> None:
    """Given a text with a key id, when it is redacted, its ending is left for people to know it by."""
    assert text.redact(f"the key {key} was used") == f"the key …{key[-4:]} was used"
    assert text.tail(key) == f"…{key[-4:]}"


@pytest.mark.parametrize(
    "around",
    ["{}", "({})", '"{}"', "'{}'", "key={}", "key:{};", "{}/{}", "<{}>", "_{}_", "{}\n", "\t{}", "a {} b {}", "-{}-"],
)
@pytest.mark.parametrize("hidden", [KEY, SESSION_KEY])
def test_a_key_id_is_found_among_punctuation(around: str, hidden: str) -> None:
    """Given a key id in quotes, brackets or an assignment, when the text is shown, the id is not whole."""
    shown = around.replace("{}", hidden)
    assert hidden not in text.redact(shown)
    assert hidden not in text.line(shown)


@pytest.mark.parametrize("around", ["\\n{}", "x{}", "{}x", "{}\\n{}"])
def test_a_key_id_is_found_among_lower_case_letters(around: str) -> None:
    """Given JSON inside a message, with a letter beside the key id, when it is shown, the id is not whole."""
    assert KEY not in text.line(around.replace("{}", KEY))


@pytest.mark.parametrize("around", ["{}", "secret: {}", '"{}"', "{}\n", "aws_secret_access_key = {}", "({})"])
def test_a_secret_key_is_blanked(around: str) -> None:
    """Given a text with a secret access key, when it is redacted, nothing of the secret is left."""
    shown = text.redact(around.replace("{}", SECRET))
    assert SECRET[:10] not in shown
    assert "[secret removed]" in shown


@pytest.mark.parametrize("around", ["AWS_SECRET_ACCESS_KEY={}", "secret={}", "?secret={}&a=1"])
def test_a_secret_key_in_an_assignment_is_blanked(around: str) -> None:
    """Given a line of an environment file, when it is redacted, nothing of the secret is left."""
    assert SECRET not in text.redact(around.replace("{}", SECRET))


@pytest.mark.parametrize("cut", [200, 200 * 8, text._LONGEST])  # noqa: SLF001 - where it is cut is what is tested
def test_a_secret_key_that_the_limit_cuts_is_blanked_too(cut: int) -> None:
    """Given a secret at the place where a long text is cut, when it is shown, its first half is not there."""
    shown = text.line(" " * (cut - 39) + SECRET)
    assert SECRET[:20] not in shown


@pytest.mark.parametrize("start", ["IQoJb3JpZ2lu", "FwoGZXIvYXdz", "FQoGZXIvYXdz"])
def test_a_session_token_is_blanked(start: str) -> None:
    """Given a session token of any of the known beginnings, when it is redacted, none of it is left."""
    shown = text.redact(f"token {start}{TOKEN} end")
    assert shown == "token [token removed] end"


def test_what_is_no_credential_stays_as_it_is() -> None:
    """Given ARNs, case ids, commit hashes and words, when they are redacted, nothing is taken from them."""
    harmless = (
        "arn:aws:iam::123456789012:user/ci-user inc-20261120-0123456789 AIDA2TESTBUILDUSER01 "
        "AROA2TESTDEPLOYROLE1:build da39a3ee5e6b4b0d3255bfef95601890afd80709 AKIA ASIA"
    )
    assert text.redact(harmless) == harmless


@pytest.mark.parametrize(
    ("untrusted", "shown"),
    [
        ("two\nlines\r\nhere", "two lines here"),
        ("ci\u202eresu", "ci resu"),
        ("a\u200bb\u2066c\u2069", "a b c"),
        ("bell\x07 null\x00 escape\x1b[31m", "bell null escape [31m"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("\u2028line\u2029separators\u00a0", "line separators"),
        (None, "None"),
        (5, "5"),
        ("", ""),
    ],
)
def test_anything_becomes_one_printable_line(untrusted: object, shown: str) -> None:
    """Given control, bidirectional or separating characters, when shown, each is a plain space."""
    assert text.line(untrusted) == shown


def test_a_link_cannot_be_clicked() -> None:
    """Given an address, when it is shown, no mail client makes a link of it."""
    assert "://" not in text.line("see https://example.org/x and ftp://example.org")


@given(st.text(), st.integers(min_value=1, max_value=300))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_a_line_is_bounded_and_printable_whatever_comes(untrusted: str, limit: int) -> None:
    """Given any text and limit, when it is made a line, it is no longer than that, printable and encodable."""
    shown = text.line(untrusted, limit)
    assert len(shown) <= limit
    assert all(unicodedata.category(ch)[0] not in "CZ" or ch == " " for ch in shown)
    shown.encode()


def test_a_line_that_was_cut_says_so() -> None:
    """Given a long text, when it is cut, its end is an ellipsis."""
    assert text.line("a" * 50, 10) == "a" * 9 + "…"
    assert text.line("a" * 10, 10) == "a" * 10


@given(st.text(), st.text(alphabet=" \n\t.,;:()[]{}'\"<>|&", min_size=1, max_size=3))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_no_text_around_it_brings_a_key_id_through(around: str, edge: str) -> None:
    """Given any text around a key id, when it is shown, the whole id is not in it."""
    assert KEY not in text.line(f"{around}{edge}{KEY}{edge}{around}", 1000)


@pytest.mark.parametrize(
    "hostile",
    ["[click](http://x)", "<!channel>", "<@U123>", "**bold**", "`code`", "~gone~", "# title", "- item", "a|b", "@here"],
)
def test_a_chat_client_reads_untrusted_text_as_text(hostile: str) -> None:
    """Given formatting, a link or a mention, when it is escaped, every character of it is inert and none is lost."""
    escaped = text.markdown(hostile)
    for index, character in enumerate(escaped):
        if character in "*_`[]()<>#~@|-":
            assert escaped[index - 1] == "\\"
    assert escaped.replace("\\", "") == hostile.replace("\\", "")


@pytest.mark.parametrize(
    ("untrusted", "subject"),
    [
        ("plain", "plain"),
        ("key …ABCD", "key ...ABCD"),
        ("line\nbreak", "line break"),
        ("naïve", "na?ve"),
        ("\ud800x", "?x"),
        ("x" * 101, "x" * 97 + "..."),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_subject_is_one_that_sns_takes(untrusted: str, subject: str) -> None:
    """Given any text, when it is made a subject, it is ASCII, one line, and at most 100 characters."""
    assert text.ascii_subject(untrusted) == subject


@given(st.text(max_size=300))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_a_subject_is_always_one_that_sns_takes(untrusted: str) -> None:
    """Given any text at all, when it is made a subject, SNS takes it."""
    subject = text.ascii_subject(untrusted)
    assert len(subject) <= 100
    assert all(" " <= ch <= "~" for ch in subject)


def test_the_arn_of_a_target_group_is_no_secret() -> None:
    """Given a target group whose name and id are forty characters together, its ARN is shown as it is."""
    arn = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/WebFrontend/0123456789abcdef"
    assert text.redact(arn) == arn


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH COMMERCIAL AT}", " =", "\t=", "\r\n@"]
)
def test_a_cell_is_text_for_a_spreadsheet(start: str) -> None:
    """Given a name that a spreadsheet would compute, when it is shown in a cell, it is marked as text, and bounded."""
    assert text.cell(f"{start}cmd|' /C calc'!A0").startswith("'")
    assert len(text.cell(start + "1" * 500, 50)) <= 50
    assert text.cell(f"{start}{KEY}").endswith("…0001")


@pytest.mark.parametrize("harmless", ["ci-user", "i-0abc", "", "a=b", "203.0.113.7"])
def test_a_cell_of_an_ordinary_name_is_that_name(harmless: str) -> None:
    """Given a name that no spreadsheet computes, when it is shown in a cell, nothing is added."""
    assert text.cell(harmless) == harmless


@given(st.text(), st.integers(min_value=2, max_value=300))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_a_cell_is_never_computed_whatever_comes(untrusted: str, limit: int) -> None:
    """Given any text, when it is shown in a cell, it is no formula, and not longer than it may be."""
    shown = text.cell(untrusted, limit)
    assert len(shown) <= limit
    assert not shown.startswith(("=", "+", "-", "@"))


def test_a_command_is_shown_as_it_is_or_not_at_all() -> None:
    """Given lines for a shell, when shown, one that would have to be changed is not shown."""
    assert text.command("aws s3 ls s3://bucket --region eu-west-1") == "aws s3 ls s3://bucket --region eu-west-1"
    for hidden in (
        f"aws x {KEY}",
        f"aws x '{SECRET}'",
        "aws x\nrm",
        "aws \u202ex",
        "a" * 4_001,
        "aws \u00a0 x",
        "aws\tx",
    ):
        assert text.command(hidden) == ""


@given(st.text())
@settings(derandomize=True, max_examples=150, deadline=None)
def test_nothing_but_an_address_of_the_console_is_a_link(untrusted: str) -> None:
    """Given any text as an address, or as a part of one, when it is judged, what passes leads to AWS."""
    for address in (untrusted, f"https://{untrusted}.aws.amazon.com/", f"https://console.aws.amazon.com{untrusted}"):
        found = text.console_link(address)
        assert found in {"", address}
        if found:
            assert (
                found.removeprefix("https://")
                .partition("/")[0]
                .partition("?")[0]
                .partition("#")[0]
                .endswith("aws.amazon.com")
            )
