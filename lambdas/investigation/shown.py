"""The findings made safe and whole: every text is one bounded, redacted line, every field is there.

Findings hold what an attacker wrote (names, tags, agents, error messages) and may be incomplete. All that is shown of
them goes through here first: whoever writes a page, a mail or a form from what ``shown`` gives needs no second look at
a type, and has nothing in hand that must not be shown.

May touch: nothing.
Never: lets a whole access key id, a secret or a control character through, or raises for what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.text import command, console_link, line, redact, tail

type Json = dict[str, Any]
type _Reader = Callable[[Any], Any]

SCHEMA = "tourniquet-findings/1"

_NAME, _SENTENCE, _TIME, _FREE = 128, 600, 40, 2_000
_MOST, _DEEPEST = 10**12, 6
_SHORTEST_KEY = 8


def _text(limit: int) -> _Reader:
    def read(value: Any) -> str:  # noqa: ANN401  (any JSON value)
        match value:
            case str():
                return line(value, limit)
            case int() | float():
                return line(_any(value), limit)
        return ""

    return read


_word, _name, _sentence, _time = _text(80), _text(_NAME), _text(_SENTENCE), _text(_TIME)


def _count(value: Any) -> int:  # noqa: ANN401  (any JSON value)
    """Read a number of things; anything else is none."""
    return min(max(value, 0), _MOST) if isinstance(value, int) and not isinstance(value, bool) else 0


def _flag(value: Any) -> bool:  # noqa: ANN401  (any JSON value)
    return value is True


def _maybe(value: Any) -> bool | None:  # noqa: ANN401  (any JSON value)
    return value if isinstance(value, bool) else None


def _amount(value: Any) -> float:  # noqa: ANN401  (any JSON value)
    """Read an amount of money, which may be text, as Cost Explorer gives it."""
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return amount if math.isfinite(amount) and abs(amount) < _MOST else 0.0


def _id(value: Any) -> str:  # noqa: ANN401  (any JSON value)
    """Read the id of a credential: ``…ABCD``, whatever is given."""
    shown = str(_word(value))
    return shown if shown.startswith("…") or not shown else tail(shown)


def _parent(value: Any) -> str | None:  # noqa: ANN401  (any JSON value)
    return _id(value) or None


def _list(read: _Reader) -> _Reader:
    return lambda value: [read(one) for one in value] if isinstance(value, list) else []


def _words(value: Any) -> list[str]:  # noqa: ANN401  (any JSON value)
    return [shown for one in value if (shown := _word(one))] if isinstance(value, list) else []


def _sentences(value: Any) -> list[str]:  # noqa: ANN401  (any JSON value)
    return [shown for one in value if (shown := _sentence(one))] if isinstance(value, list) else []


def _counted(value: Any) -> dict[str, int]:  # noqa: ANN401  (any JSON value)
    """Read how many there are of each name."""
    found: dict[str, int] = {}
    for name, count in value.items() if isinstance(value, dict) else ():
        found[_word(name)] = found.get(_word(name), 0) + _count(count)
    return found


def _record(shape: Mapping[str, _Reader]) -> _Reader:
    """Read an object of a known shape; a field that is not known is kept, made safe like any other."""

    def read(value: Any) -> Json:  # noqa: ANN401  (any JSON value)
        given = value if isinstance(value, dict) else {}
        extra = {line(key, _NAME): _any(inner) for key, inner in given.items() if key not in shape and key != "key_id"}
        return {**extra, **{key: reader(given.get(key)) for key, reader in shape.items()}}

    return read


def _records(shape: Mapping[str, _Reader]) -> _Reader:
    read = _record(shape)
    return lambda value: [read(one) for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _any(value: Any, depth: int = 0) -> Any:  # noqa: ANN401, PLR0911  (any JSON value; one return a kind)
    """Make a value safe of which nothing is known."""
    match value:
        case None | bool():
            return value
        case int():
            return max(-_MOST, min(value, _MOST))
        case float():
            return _amount(value)
        case dict() | list() if depth >= _DEEPEST:
            return None
        case dict():
            return {line(key, _NAME): _any(inner, depth + 1) for key, inner in value.items() if key != "key_id"}
        case list():
            return [_any(inner, depth + 1) for inner in value]
    return line(value, _FREE)


_SHOWN: Mapping[str, _Reader] = {"console": console_link, "look": command, "remove": command}

_FINDINGS: Mapping[str, _Reader] = {
    "schema": _word,
    "incident_id": _word,
    "account": _word,
    "partition": _word,
    "made_at": _time,
    "since": _time,
    "until": _time,
    "look": _count,
    "outcome": _word,
    "held": _maybe,
    "title": _text(200),
    "subjects": _records({"kind": _word, "id": _name, "name": _name, "arn": _text(_SENTENCE)}),
    "done": _records(
        {
            "at": _time,
            "action": _word,
            "target": _name,
            "result": _word,
            "held": _maybe,
            "error": _text(_SENTENCE),
        }
    ),
    "counts": _record(dict.fromkeys(("events", "denied", "writes", "regions", "credentials", "sources"), _count)),
    "first": _time,
    "last": _time,
    "timeline": _records(
        {
            "at": _time,
            "until": _time,
            "name": _word,
            "service": _word,
            "region": _word,
            "by": _id,
            "principal": _name,
            "address": _word,
            "agent": _name,
            "count": _count,
            "ok": _flag,
            "error": _word,
            "write": _flag,
            "tactics": _words,
            "weight": _count,
            "what": _sentence,
        }
    ),
    "credentials": _records(
        {
            "id": _id,
            "kind": _word,
            "principal": _name,
            "name": _name,
            "parent": _parent,
            "issued_by": _word,
            "issued_at": _time,
            "expires": _time,
            "depth": _count,
            "events": _count,
            "denied": _count,
            "first": _time,
            "last": _time,
            "regions": _counted,
            "state": _word,
            "born_of_case": _flag,
        }
    ),
    "sources": _records(
        {"address": _word, "agents": _list(_name), "events": _count, "denied": _count, "first": _time, "last": _time}
    ),
    "errors": _records({"name": _word, "code": _word, "count": _count}),
    "suspicious": _records(
        {
            "name": _word,
            "service": _word,
            "tactics": _words,
            "techniques": _words,
            "count": _count,
            "denied": _count,
            "first": _time,
            "last": _time,
            "why": _sentence,
        }
    ),
    "logging": _records({"at": _time, "name": _word, "region": _word, "what": _sentence, "ok": _flag}),
    "resources": _records(
        {
            "kind": _word,
            "id": _name,
            "arn": _text(_SENTENCE),
            "region": _word,
            "change": _word,
            "event": _word,
            "at": _time,
            "by": _id,
            "ok": _flag,
            "state": _name,
            "note": _sentence,
            **_SHOWN,
        }
    ),
    "stock": _records(
        {"kind": _word, "region": _word, "id": _name, "name": _name, "at": _time, "why": _sentence, **_SHOWN}
    ),
    "principals": _records(
        {
            "kind": _word,
            "name": _name,
            "arn": _text(_SENTENCE),
            "made_at": _time,
            "last_used": _records({"service": _word, "at": _time}),
            "mfa": _maybe,
            "password": _maybe,
            "keys": _count,
        }
    ),
    "posture": _records({"check": _sentence, "ok": _maybe, "detail": _sentence, "next": _sentence}),
    "found": _records(
        {
            "kind": _word,
            "id": _name,
            "name": _name,
            "account": _word,
            "region": _word,
            "why": _sentence,
            "proof": _name,
        }
    ),
    "next_steps": _sentences,
    "unknown": _sentences,
}

_COST = _record(
    {
        "currency": _word,
        "since": _time,
        "days": _records({"day": _time, "amount": _amount}),
        "services": _records({"name": _name, "amount": _amount}),
    }
)


def shown(findings: Mapping[str, Any]) -> Json:
    """Make findings safe to show, and whole.

    Of a credential only ``…`` and its last four characters are left, wherever its id stood; the field ``key_id`` is
    gone. What is missing is there as an empty text, an empty list, 0 or None. A command or a link that cannot be shown
    as it is, is empty.
    """
    given = _without_keys(dict(findings), _whole_keys(findings))
    safe: Json = _record(_FINDINGS)({key: value for key, value in given.items() if key != "cost"})
    cost = given.get("cost")
    return {**safe, "cost": _COST(cost) if isinstance(cost, dict) else None}


def _whole_keys(findings: Mapping[str, Any]) -> list[str]:
    """List the whole key ids of findings, the longest first; those that look like AWS' own are redacted anyway."""
    credentials = findings.get("credentials")
    listed = credentials if isinstance(credentials, list) else []
    keys = {str(one.get("key_id")) for one in listed if isinstance(one, dict) and one.get("key_id")}
    return sorted(
        (key for key in keys if len(key) >= _SHORTEST_KEY and redact(key) == key), key=lambda key: (-len(key), key)
    )


def _without_keys(value: Any, keys: list[str], depth: int = 0) -> Any:  # noqa: ANN401  (any JSON value)
    """Cut each of some key ids to its last four characters, in every text of a value."""
    match value:
        case str():
            for key in keys:
                if key in value:
                    value = value.replace(key, tail(key))
            return value
        case dict() | list() if depth > 2 * _DEEPEST:
            return None
        case dict():
            return {
                _without_keys(key, keys): _without_keys(inner, keys, depth + 1)
                for key, inner in value.items()
                if key != "key_id"
            }
        case list():
            return [_without_keys(inner, keys, depth + 1) for inner in value]
    return value
