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
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):(?:user/(?:[!-~]*/)?([A-Za-z0-9_+=,.@-]{1,64})|(root))")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE_SESSION = re.compile(r"(AROA[A-Z0-9]{12,124}):([A-Za-z0-9_+=,.@-]{2,64})")
_ROLE_ARN = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):role/(?:[!-~]{0,511}/)?([A-Za-z0-9_+=,.@-]{1,64})")
_USER_ID = re.compile(r"AIDA[A-Z0-9]{12,124}")
_ROLE_ID = re.compile(r"AROA[A-Z0-9]{12,124}")
_FEDERATED = re.compile(r"([0-9]{12}):([A-Za-z0-9_+=,.@-]{2,32})")
_PRINCIPAL_ID = re.compile(r"[A-Za-z0-9_+=,.@:-]{1,193}")
_INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_INSTANCE_ARN = re.compile(r"arn:aws[a-z-]*:ec2:([a-z0-9-]{1,32}):([0-9]{12}):instance/(i-[0-9a-f]{8,17})")
_REGION = re.compile(r"[a-z]{2,8}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}")

_MILLISECONDS_A_DAY = 86_400_000
_DAYS_TO_1970 = 719_468  # from 0000-03-01, where a year of the reckoning below begins
_DAYS_IN_400_YEARS = 146_097
_YEAR_2000, _YEAR_2100 = 946_684_800_000, 4_102_444_800_000

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


def is_user_id(value: str) -> bool:
    """Tell whether this has the form of a user's unique id (``AIDA…``)."""
    return _USER_ID.fullmatch(value) is not None


def is_role_name(value: str) -> bool:
    """Tell whether IAM would take this as a role name: its rule is the same as for users."""
    return _USER_NAME.fullmatch(value) is not None


def is_role_id(value: str) -> bool:
    """Tell whether this has the form of a role's unique id (``AROA…``)."""
    return _ROLE_ID.fullmatch(value) is not None


def is_role_session_id(value: str) -> bool:
    """Tell whether this is a session of a role (``AROA…:<session name>``), in characters that STS allows."""
    return _ROLE_SESSION.fullmatch(value) is not None


def is_principal_id(value: str) -> bool:
    """Tell whether this could be the id of a principal of any account (at most 193 of STS' characters)."""
    return _PRINCIPAL_ID.fullmatch(value) is not None


def is_instance_id(value: str) -> bool:
    """Tell whether this has the form of an instance's id (``i-`` and 8 or 17 hexadecimal digits)."""
    return _INSTANCE_ID.fullmatch(value) is not None


def is_region(value: str) -> bool:
    """Tell whether this has the form of a region's name; whether there is one of that name is not asked."""
    return _REGION.fullmatch(value) is not None


def region(*candidates: object) -> str:
    """Give the first candidate that has the form of a region's name, or ``""``."""
    return next((text(one) for one in candidates if is_region(text(one))), "")


def is_root_name(value: str) -> bool:
    """Tell whether a report may mean the root user by this name (an IAM user may be called so too)."""
    return value.lower().strip("<>").replace("-", "_").replace(" ", "_") in {
        "root",
        "root_account",
        "root_user",
    }


def principal(value: str, account: str) -> Target | None:
    """Read a key id, a user name, a user's ARN or the root user's ARN; ``None`` when it is none of them.

    ``account`` is the account of the event, kept for everything that does not name its own. An instance's id has
    the characters of a user name, and is none.
    """
    if is_key_id(value):
        return Target(kind=Kind.ACCESS_KEY, id=value, account=account)
    if found := _PRINCIPAL_ARN.fullmatch(value):
        owner, name, root = found.groups()
        if root:
            return Target(kind=Kind.ROOT, id=owner, name="root", account=owner)
        return Target(kind=Kind.USER, name=name, account=owner)
    if is_user_name(value) and not is_instance_id(value):
        return Target(kind=Kind.USER, name=value, account=account)
    return None


def role_of(arn: str) -> tuple[str, str]:
    """Give account and name of the role that an ARN names, or two empty strings."""
    found = _ROLE_ARN.fullmatch(arn)
    return (found[1], found[2]) if found else ("", "")


def federated(value: str) -> tuple[str, str]:
    """Give account and name of a federated user's id (``<account>:<name>``), or two empty strings."""
    found = _FEDERATED.fullmatch(value)
    return (found[1], found[2]) if found else ("", "")


def instance(value: str, account: str, where: str) -> Target | None:
    """Read an instance's id or ARN; ``None`` for anything else.

    ``account`` and ``where`` (a region) are kept for an id, which does not say its own.
    """
    if found := _INSTANCE_ARN.fullmatch(value):
        where, account, value = found.groups()
    if not is_instance_id(value):
        return None
    return Target(kind=Kind.INSTANCE, id=value, account=account, region=region(where))


def instant(milliseconds: object) -> str:
    """Give milliseconds since 1970 (a number, or its digits in a string) as ISO 8601 in UTC, or ``""``.

    Plain arithmetic on the Gregorian calendar, in years that begin in March so that a leap day is the last of its
    year. Only moments from 2000 to 2099 are believed.
    """
    digits = text(milliseconds, limit=16)
    if not digits.isascii() or not digits.isdigit() or not _YEAR_2000 <= int(digits) < _YEAR_2100:
        return ""
    days, rest = divmod(int(digits), _MILLISECONDS_A_DAY)
    days += _DAYS_TO_1970
    era, day_of_era = divmod(days, _DAYS_IN_400_YEARS)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + 3 if month_from_march < 10 else month_from_march - 9  # noqa: PLR2004  (January)
    year = year_of_era + era * 400 + (month <= 2)  # noqa: PLR2004  (January and February are of the next year)
    seconds, thousandths = divmod(rest, 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z"


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
