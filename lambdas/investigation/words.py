"""The sentences that every form of a report says in the same way.

All functions take findings that ``shown`` has made safe.

May touch: nothing.
Never: says more than the findings do: what could not be seen is said not to have been seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.investigation import moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.investigation.shown import Json

#: What an action did, for people; the object follows.
_ACTIONS = {
    "disable_key": "Disabled access key",
    "deny_principal": "Denied everything to",
    "revoke_sessions": "Ended the sessions of role",
    "isolate_instance": "Isolated instance",
    "stop_instance": "Stopped instance",
    "take_profile": "Took away the instance profile of",
    "leave_groups": "Detached from its Auto Scaling group",
    "leave_balancers": "Deregistered from load balancers",
    "protect_instance": "Protected from termination",
    "lock_metadata": "Switched off the metadata service of",
    "snapshot_volumes": "Snapshotted the volumes of",
    "record_instance": "Recorded what was before of",
    "collect_evidence": "Collected evidence about",
}
_RESULTS = {
    "done": "done",
    "already": "was so already",
    "planned": "only planned",
    "failed": "failed",
    "skipped": "not needed",
    "refused": "refused by your settings",
    "pending": "waits for an answer",
    "rejected": "turned down",
    "expired": "nobody answered",
}
_CHANGES = {"made": "Made", "changed": "Changed", "removed": "Removed"}
_MADE = ("done", "already")
_HELD = "Everything that was done was read back afterwards and held."
_NOT_YET = "What was done was made; whether it holds was not known when this was written."
#: The states of a credential in which it opens nothing any more.
ENDED = ("inactive", "denied", "expired", "gone")
_SERIOUS, _NOTABLE = 3, 2
_MOST_MOMENTS = 12


def number(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: ``no call``, ``1 call``, ``1,204 calls``."""
    noun = one if count in {0, 1} else many or f"{one}s"
    return f"{count:,} {noun}" if count else f"no {noun}"


def listed(words: Sequence[str], most: int = 4) -> str:
    """Write a list in a sentence: ``a, b and 3 more``."""
    shown, rest = list(words[:most]), len(words) - most
    if rest > 0:
        shown.append(f"{rest:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def subject(findings: Json) -> str:
    """Name what the case is about."""
    named = [_subject(one) for one in findings["subjects"]]
    return listed([one for one in named if one], 2)


def _subject(one: Json) -> str:
    kind = one["kind"].replace("_", " ")
    if one["kind"] == "access_key":
        return f"access key {one['id']}" + (f" of user {one['name']}" if one["name"] else "")
    return f"{kind} {one['name'] or one['id']}".strip()


def what_happened(findings: Json) -> list[str]:
    """Say what happened in three sentences: how it came up, what was done with the credentials, what it left."""
    return [_came_up(findings), _used(findings), _left(findings)]


def _came_up(findings: Json) -> str:
    about = subject(findings)
    title = findings["title"].rstrip(".")
    if title and about:
        return f"The signal said: {title}; the case is about {about}."
    if title or about:
        return f"The signal said: {title}." if title else f"The case is about {about}."
    return "The findings do not say what raised the alarm, nor whom it is about."


def _used(findings: Json) -> str:
    counts = findings["counts"]
    if not counts["events"]:
        seen = f" between {moments.said(findings['since'])} and {moments.said(findings['until'])} UTC"
        return f"No call with the credentials of the case was found{seen if findings['since'] else ''}."
    when = ""
    if findings["first"] and findings["last"]:
        span = moments.between(findings["first"], findings["last"])
        when = f"Between {moments.said(findings['first'])} and {moments.said(findings['last'])} UTC"
        when += f" ({span}), " if span else ", "
    said = (
        f"{number(counts['credentials'] or 1, 'credential')} made {calls(findings)}: "
        f"{number(counts['writes'], 'call')} changed something or tried to, and {number(counts['denied'], 'call')} "
        f"{'was' if counts['denied'] in {0, 1} else 'were'} refused."
    )
    return f"{when}{said}" if when else f"{said[:1].upper()}{said[1:]}"


def calls(findings: Json) -> str:
    """Say how many calls there were, in how many regions, from how many addresses."""
    counts = findings["counts"]
    addresses = number(counts["sources"], "source address", "source addresses")
    return f"{number(counts['events'], 'call')} in {number(counts['regions'], 'region')} from {addresses}"


def _left(findings: Json) -> str:
    resources = findings["resources"]
    regions = sorted({one["region"] for one in resources if one["region"]})
    counted = {change: sum(1 for one in resources if one["change"] == change) for change in _CHANGES}
    parts = [f"{count:,} {change}" for change, count in counted.items() if count]
    where = f" in {listed(regions, 3)}" if regions else ""
    if resources:
        left = f"{number(len(resources), 'resource')} {'is' if len(resources) == 1 else 'are'} to be reviewed{where}"
        left += f": {', '.join(parts)}" if parts else ""
    else:
        left = "No resource that was made, changed or removed with them was found"
    if alive := still_active(findings):
        verb = "works" if len(alive) == 1 else "work"
        return f"{left}; {number(len(alive), 'credential')} still {verb} ({listed([one['id'] for one in alive], 3)})."
    return f"{left}."


def still_active(findings: Json) -> list[Json]:
    """List the credentials that still work."""
    return [one for one in findings["credentials"] if one["state"] == "active"]


def verdict(findings: Json) -> tuple[str, str]:
    """Say whether what was done held; gives the sentence, and how it is to look (good, warn, bad or plain)."""
    alive = len(still_active(findings))
    still = (
        f" But {number(alive, 'credential')} of the case still {'works' if alive == 1 else 'work'}." if alive else ""
    )
    made = [one for one in findings["done"] if one["result"] in _MADE]
    failed = [one for one in findings["done"] if one["result"] == "failed"]
    if not findings["done"]:
        return "Nothing was done by the responder in this case, as far as the findings say.", "warn"
    if findings["held"] is False or any(one["held"] is False for one in made):
        return "The containment did not hold: something that was done was undone by somebody. Act by hand now.", "bad"
    if failed:
        return f"{number(len(failed), 'action')} failed; what is not marked as done must be done by hand.", "bad"
    if not made:
        return "Nothing was changed: see below why.", "warn"
    if findings["held"] is True:
        return f"{_HELD}{still}", "warn" if still else "good"
    return f"{_NOT_YET}{still}", "warn"


def action(one: Json) -> str:
    """Say what an action did, or was to do, to its target."""
    return f"{_ACTIONS.get(one['action'], one['action'].replace('_', ' ').capitalize())} {one['target']}".strip()


def result(one: Json) -> str:
    """Say how an action ended."""
    return _RESULTS.get(one["result"], one["result"]) or "not known"


def held(value: bool | None) -> str:  # noqa: FBT001  (it is the value that is worded)
    """Say whether something held."""
    return {True: "held", False: "did not hold", None: "not checked"}[value]


def changed(one: Json) -> str:
    """Say what happened to a resource."""
    return _CHANGES.get(one["change"], one["change"].capitalize()) or "Touched"


def entry(one: Json) -> str:
    """Say one entry of the timeline: its sentence, or the call where it has none."""
    if one["what"]:
        return str(one["what"])
    tried = "" if one["ok"] else f", refused ({one['error']})" if one["error"] else ", refused"
    return f"{one['service'].removesuffix('.amazonaws.com')}:{one['name']}{tried}".strip(":")


def key_moments(findings: Json, most: int = _MOST_MOMENTS) -> list[Json]:
    """Choose the entries of the timeline that a reader must know, in their order; the heaviest are chosen first."""
    entries = findings["timeline"]
    notable = [one for one in entries if one["weight"] >= _NOTABLE] or [one for one in entries if one["write"]]
    return heaviest(notable, most)


def heaviest(entries: Sequence[Json], most: int) -> list[Json]:
    """Choose the heaviest entries of a timeline, different calls before the same again, and keep their order."""
    seen: dict[tuple[str, bool], int] = {}
    order = []
    for place, one in enumerate(entries):
        call = (one["name"], one["ok"])
        seen[call] = seen.get(call, 0) + 1
        order.append((-min(one["weight"], _SERIOUS), seen[call], not one["write"], not one["ok"], place))
    return [entries[place] for place in sorted(one[-1] for one in sorted(order)[:most])]


def by_name(entries: Sequence[Json]) -> list[Json]:
    """Count the entries of a timeline by the call that they are of; the heaviest and the most frequent come first."""
    named: dict[tuple[str, str], Json] = {}
    for one in entries:
        times = max(one["count"], 1)
        found = named.setdefault(
            (one["service"], one["name"]),
            {"name": one["name"], "service": one["service"], "count": 0, "denied": 0, "weight": 0, "first": one["at"]},
        )
        found["count"] += times
        found["denied"] += 0 if one["ok"] else times
        found["weight"] = max(found["weight"], one["weight"])
        found["last"] = one["until"] or one["at"]
    return sorted(named.values(), key=lambda one: (-min(one["weight"], _SERIOUS), -one["count"], one["name"]))
