"""Untrusted text made safe to show: redaction, one line, bounded, inert in Markdown.

User names, addresses of leaked keys and AWS' own error messages reach people and logs only through
here.

May touch: nothing.
Never: lets a whole access key id, a secret key or a control character through.
"""

from __future__ import annotations

import re
import unicodedata

_KEY_ID = re.compile(r"[AL](?:KIA|SIA)[A-Z0-9]{12,120}([A-Z0-9]{4})")
_SECRET = re.compile(
    r"(?<![A-Za-z0-9/+])(?<!user-name=)(?<!role-name=)(?!policy/)(?!targetgroup/)(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*[0-9])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])"
)
_TOKEN = re.compile(r"(?:FwoG|IQoJ|FQoG|AQoD)[A-Za-z0-9/+=%]{40,}")
_LONGEST = 20_000
_CUT = 200
_ACTIVE = re.compile(r"[<>\[\]()*`|@!~]")
_FORMULA = frozenset(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)
_CONSOLE = re.compile(
    r"https://(?:(?:[a-z0-9-]+\.)+aws\.amazon\.com|(?:[a-z0-9-]+\.)*console\.amazonaws\.cn"
    r"|(?:[a-z0-9-]+\.)*console\.amazonaws-us-gov\.com)(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?"
)
_LONGEST_LINK = 2_000
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~@:])")


def tail(key_id: str) -> str:
    """Name a key without giving it away: ``…ABCD``."""
    return "…" + key_id[-4:]


def redact(text: str) -> str:
    """Cut key ids to their last four characters and blank what looks like a secret or a token."""
    text = _TOKEN.sub("[token removed]", text)
    text = _KEY_ID.sub(r"…\1", text)
    return _SECRET.sub("[secret removed]", text)


def line(text: object, limit: int = 200) -> str:
    """Make one printable, redacted line of at most ``limit`` characters out of anything.

    Control, format (bidirectional overrides among them), surrogate and unassigned characters become
    a space; links lose their ``://`` so that no mail client turns them into something to click.
    """
    whole = str(text)
    raw = redact(whole[:_LONGEST])
    if len(whole) > _LONGEST:
        raw = raw[:-_CUT]  # where it was cut there may be the half of a secret
    if not (raw.isascii() and raw.isprintable()):
        raw = "".join(" " if unicodedata.category(ch)[0] in "CZ" else ch for ch in raw)
    flat = " ".join(raw.split()).replace("://", "[:]//")
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def minute(at: str) -> str:
    """Write an ISO 8601 time of ours for a person: ``2026-11-20 03:31 UTC``."""
    return f"{line(at, 40)[:16].replace('T', ' ')} UTC" if at else ""


def markdown(text: str) -> str:
    """Escape what chat clients would read as formatting, a link or a mention."""
    return _MARKDOWN.sub(r"\\\1", text)


def title(text: str) -> str:
    """Take out what a chat client could read as a link, a mention or formatting, where escapes would show."""
    return " ".join(_ACTIVE.sub(" ", text).split())


def ascii_subject(text: str, limit: int = 100) -> str:
    """Make a subject that SNS accepts: ASCII, one line, at most 100 characters."""
    plain = text.replace("…", "...").encode("ascii", "replace").decode()
    flat = " ".join("".join(ch if " " <= ch <= "~" else " " for ch in plain).split())
    return flat if len(flat) <= limit else flat[: limit - 3] + "..."


def cell(text: object, limit: int = 200) -> str:
    """Make a line of anything that is shown when a table with it is pasted into a spreadsheet, and never computed.

    A spreadsheet computes what begins with one of ``= + - @`` or their full-width forms; an apostrophe before it
    makes it text.
    """
    shown = line(text, limit)
    return "'" + line(shown, limit - 1) if shown[:1] in _FORMULA else shown


def command(text: object, limit: int = 4_000) -> str:
    """Give a line for a shell as it is, or nothing where it cannot be shown as it is.

    Nothing is shown of a line that holds a key id or what looks like a secret, a character that does not print (a
    second line among them), or that is too long: cut, it would do something else.
    """
    whole = str(text)
    if len(whole) > limit or any(unicodedata.category(ch)[0] in "CZ" and ch != " " for ch in whole):
        return ""
    return whole if redact(whole) == whole else ""


def console_link(text: object) -> str:
    """Give an address of AWS' console as it is, or nothing where it is not surely one."""
    whole = str(text)
    return whole if len(whole) <= _LONGEST_LINK and _CONSOLE.fullmatch(whole) and redact(whole) == whole else ""
