"""Findings as an investigation makes them: of a realistic case, a hostile one, a huge one, and of nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

type Json = dict[str, Any]

_LEAKED_KEY = Path(__file__).parent / "findings" / "leaked-key.json"

KEY = "AKIA2TESTEXPOSED0001"
SESSION = "ASIA2TESTSESSION0002"
ROLE_SESSION = "ASIA2TESTROLEUSE0003"
BACKDOOR = "AKIA2TESTBACKDOO0004"
DEEP = "ASIA2TESTDEEPEST0005"
FEDERATED = "ASIA2TESTFEDERAT0006"
SECRET = "q7Rk2mZ0vXy9Lb4Nf6Tj1HsWc8Dg3PaEo5Ui+K/x"
#: What an attacker may write into a name, an agent or a tag.
HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "=cmd|' /C calc'!A0",
    "\N{FULLWIDTH EQUALS SIGN}1+1",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "javascript:alert(1)",
    "https://evil.example/x",
    "nice\u202eeman resu",
    "red\x1b[31mtext\x1b[0m",
    "<!channel> <@U123> @here **bold** [click](http://evil.example)",
    "null\x00byte",
    "line\nbreak\r\nTHE CASE",
    "a" * 10_000,
    "\u05e9\u05dc\u05d5\u05dd",
    "\ud800",
    "]]>--></style><style>*{display:none}</style>",
    "{{7*7}} ${7*7}",
)


def realistic() -> Json:
    """Give the findings of a leaked key of a build user: miners in three regions, a new user, sessions of a role."""
    findings: Json = json.loads(_LEAKED_KEY.read_text())
    return findings


def hostile() -> Json:
    """Give the realistic findings with what an attacker may write in every text that comes from outside."""
    findings = realistic()
    number = 0

    def write(value: Any, key: str = "") -> Any:  # noqa: ANN401  (any JSON value)
        nonlocal number
        match value:
            case dict():
                return {one: write(inner, one) for one, inner in value.items()}
            case list():
                return [write(one, key) for one in value]
            case str() if key not in _OURS:
                number += 1
                return f"{HOSTILE[number % len(HOSTILE)]}"
        return value

    written: Json = write(findings)
    links = ["javascript:alert(1)", "https://aws.amazon.com.evil.example/", "https://evil.example/?.aws.amazon.com"]
    for kept, one in zip(findings["credentials"], written["credentials"], strict=True):
        one["id"] = kept["id"]
    for place, one in enumerate(written["resources"]):
        one["console"] = links[place % len(links)]
        one["look"] = f"aws ec2 describe-instances\nrm -rf / # {KEY}"
    return written


#: The fields whose text is the project's own, or whose words are of a closed list.
_OURS = {"schema", "at", "until", "first", "last", "made_at", "since", "key_id", "change", "result", "action"} | {
    "parent",
    "by",
}


def huge(entries: int = 10_000, credentials: int = 900, resources: int = 3_000) -> Json:
    """Give the findings of a case with thousands of calls, a wide and deep tree, and resources in 30 regions."""
    findings = realistic()
    names = ("DescribeInstances", "RunInstances", "CreateUser", "GetObject", "ListBuckets", "AssumeRole")
    call, credential, resource, source = (
        findings[name][1] for name in ("timeline", "credentials", "resources", "sources")
    )
    findings["timeline"] = [
        call
        | {
            "at": f"2026-11-20T{3 + number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z",
            "name": names[number % len(names)],
            "region": f"region-{number % 30}",
            "by": f"…{number % credentials:04}",
            "count": 1 + number % 5,
            "weight": number % 11 // 3,
            "ok": number % 7 != 0,
            "error": "" if number % 7 else "AccessDenied",
            "what": f"Called {names[number % len(names)]} for the {number}th time.",
        }
        for number in range(entries)
    ]
    findings["credentials"] = [
        credential
        | {
            "id": f"…{number:04}",
            "key_id": f"ASIA2TESTHUGE000{number:04}",
            "parent": f"…{(number - 1) // (3 if number < 60 else 40):04}" if number else None,
            "depth": min(number, 9),
            "events": number % 97,
        }
        for number in range(credentials)
    ]
    findings["resources"] = [
        resource | {"id": f"i-0cc{number:014}", "region": f"region-{number % 30}"} for number in range(resources)
    ]
    findings["sources"] = [
        source | {"address": f"203.0.113.{number % 250}", "agents": [f"agent-{number}"] * 5} for number in range(2_000)
    ]
    findings["counts"]["events"] = entries
    return findings


def nothing() -> Json:
    """Give the findings of a case in which nothing was found, and nothing could be seen of the cost."""
    empty: Json = {name: [] for name, value in realistic().items() if isinstance(value, list)}
    return empty | {
        "schema": "tourniquet-findings/1",
        "incident_id": "inc-20261120-0000000000",
        "cost": None,
        "held": None,
    }
