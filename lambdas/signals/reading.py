"""Reading untrusted JSON: whatever is there, the asked-for shape comes back, and nothing raises.

May touch: nothing.
Never: guesses; a value of the wrong type reads as absent.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any

from lambdas.model import Kind, Target

if TYPE_CHECKING:
    from lambdas.model import Json

#: More targets than this in one event are told, not handled: a user with two keys is three claims, and a
#: transaction writes a hundred items.
MOST_TARGETS = 32

_MOST_SEVERE = 10.0
_KEY_ID = re.compile(r"[AL](?:KIA|SIA)[A-Z0-9]{16,124}")
_USER_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):(?:user/(?:[!-~]*/)?([A-Za-z0-9_+=,.@-]{1,64})|(root))")
_ACCOUNT = re.compile(r"\d{12}")

#: What a rule's routing field may be in an event that is broken: absent, empty, a number, a truth value. (A pattern
#: may hold ``null`` too, but the CDK drops it from the template.)
BROKEN: tuple[Any, ...] = ({"exists": False}, "", True, False, {"numeric": [">=", -1_000_000_000]})


def mapping(value: object, *path: str) -> Json:
    """Follow ``path`` through objects and give the object at its end, or an empty one."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: object, limit: int = 2048) -> str:
    """Give a stripped string, a number as its digits, or ``""`` for anything else or too long."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float):
        value = str(value) if abs(value) < 1e300 else ""  # noqa: PLR2004  (a float's digits, not a bignum's)
    if not isinstance(value, str) or len(value) > limit:
        return ""
    return value.strip()


def items(value: object) -> list[Any]:
    """Give a list as it is, an absent value as no items, and anything else as one item."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def number(value: object) -> float:
    """Read a severity, from 0 to 10: int, float or digits in a string; 0.0 for anything else or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0.0
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return min(max(read, 0.0), _MOST_SEVERE) if math.isfinite(read) else 0.0


def account_id(*candidates: object) -> str:
    """Give the first candidate that is twelve digits, or ``""``."""
    for candidate in candidates:
        if _ACCOUNT.fullmatch(text(candidate)):
            return text(candidate)
    return ""


def is_key_id(value: str) -> bool:
    """Tell whether this has the form of an access key id (``AKIA…``, ``ASIA…``)."""
    return _KEY_ID.fullmatch(value) is not None


def is_session_key(value: str) -> bool:
    """Tell whether this is the id of temporary credentials (``ASIA…``)."""
    return is_key_id(value) and value[1:4] == "SIA"


def is_user_name(value: str) -> bool:
    """Tell whether IAM would take this as a user name (at most 64 letters, digits and ``_+=,.@-``)."""
    return _USER_NAME.fullmatch(value) is not None


def is_root_name(value: str) -> bool:
    """Tell whether a report may mean the root user by this name (an IAM user may be called so too)."""
    return value.lower().strip("<>").replace("-", "_").replace(" ", "_") in {
        "root",
        "root_account",
        "root_user",
    }


def principal(value: str, account: str) -> Target | None:
    """Read a key id, a user name, a user's ARN or the root user's ARN; ``None`` when it is none of them.

    ``account`` is the account of the event, kept for everything that does not name its own.
    """
    if is_key_id(value):
        return Target(kind=Kind.ACCESS_KEY, id=value, account=account)
    if found := _PRINCIPAL_ARN.fullmatch(value):
        owner, name, root = found.groups()
        if root:
            return Target(kind=Kind.ROOT, id=owner, name="root", account=owner)
        return Target(kind=Kind.USER, name=name, account=owner)
    if is_user_name(value):
        return Target(kind=Kind.USER, name=value, account=account)
    return None


def fingerprint(*parts: object) -> str:
    """Hash parts of a signal's identity into 20 hex digits."""
    raw = json.dumps([str(part)[:4096] for part in parts])
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:20]


def capped(targets: list[Target]) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Drop repeats, keep the first ``MOST_TARGETS``, and say how many are left to a person."""
    unique = list(dict.fromkeys(targets))
    left = len(unique) - MOST_TARGETS
    note = (f"The event names {left} more targets than one case handles; start one by hand for each.",)
    return tuple(unique[:MOST_TARGETS]), note if left > 0 else ()
