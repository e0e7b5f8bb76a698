"""Who from outside an account a policy lets in: the reading of trust policies and of the policies of functions.

May touch: nothing.
Never: raises for a document that is odd; judges conditions (they are for a person to read).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:(?:iam|sts)::)?(\d{12})(?::.*)?", re.DOTALL)
_EVERYBODY = "everybody"


def outside(document: object, account: str) -> tuple[str, ...]:
    """Name who is let in that is not of the account and not a service: accounts, federations, everybody."""
    found: dict[str, None] = {}
    for statement in _listed(document.get("Statement") if isinstance(document, dict) else None):
        if isinstance(statement, dict) and statement.get("Effect") == "Allow":
            found |= dict.fromkeys(_let_in(statement, account))
    return tuple(found)


def _let_in(statement: dict[str, object], account: str) -> Iterator[str]:
    if "NotPrincipal" in statement:
        yield "everybody but some"
    principal = statement.get("Principal")
    if principal == "*":
        yield _EVERYBODY
    if not isinstance(principal, dict):
        return
    for one in _listed(principal.get("AWS")):
        if one == "*":
            yield _EVERYBODY
        elif isinstance(one, str) and _is_other(one, account):
            yield one[:256]
    for kind in ("Federated", "CanonicalUser"):
        yield from (one[:256] for one in _listed(principal.get(kind)) if isinstance(one, str))


def _is_other(principal: str, account: str) -> bool:
    """Say whether a principal is of another account; the id of one that is deleted (``AIDA…``) is of none."""
    named = _OF_ACCOUNT.fullmatch(principal)
    return named is not None and named[1] != account


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [] if value is None else [value]
