"""The alert about a restore: what was undone, what was not and why, and what to do next.

In the forms of ``alert``: one plain text for a person at 3 a.m., one JSON for chat and machines.

May touch: nothing.
Never: shows a whole key id, a secret, or untrusted text that was not made safe.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from lambdas import alert, commands
from lambdas.alert import Notice
from lambdas.model import Kind, Outcome, Result
from lambdas.targets import describe
from lambdas.text import line, markdown, redact, tail, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.alert import Alert
    from lambdas.model import Change, Json

_SEVERITY = 5.0
_MOST_NAMED = 6
_LONGEST = 1_200
_LONGEST_LINE, _MOST_LINES = 4_000, 60
_SOURCE, _TYPE = "manual", "restore"

#: What the undo of each action does: (done, to do, object).
_WORDS = {
    "disable_key": ("made active again:", "make active again:", "{}"),
    "deny_principal": ("lifted the deny on", "lift the deny on", "{}"),
    "revoke_sessions": ("gave back", "give back", "{}"),
    "isolate_instance": ("gave back", "give back", "the security groups of {}"),
    "stop_instance": ("started", "start", "{}"),
    "take_profile": ("gave back", "give back", "the instance profile of {}"),
    "leave_groups": ("attached", "attach", "{} to its Auto Scaling group"),
    "leave_balancers": ("registered", "register", "{} with its load balancers"),
    "protect_instance": ("lifted", "lift", "the protection of {} and its volumes from termination"),
    "lock_metadata": ("switched on", "switch on", "the metadata service of {}"),
}
_EVIDENCE_STAYS = "Evidence and snapshots stay as they are; they are locked, and nothing here deletes them."
_REPEATS = (
    "Know what happens now: a repeat of the signals of this case changes nothing; another signal, or new activity, "
    "asks before anything is contained again."
)
_WATCH = (
    "Watch what the released credentials do: whoever stole a session that has not expired can use it again, and so can "
    "whoever still has a key or a password of the user."
)
_ACTIVE = "The leaked key is ACTIVE again, and whoever has it can use it. Replace it, then delete it."
_ON_THE_NETWORK = (
    "The instance is back on the network with its credentials. What an intruder left on it is there still: rebuild it "
    "from a clean image unless you are sure."
)


class Ended(StrEnum):
    """How the undo of one change ended; the first two are what an undo function answers."""

    UNDONE = "undone"
    BACK = "back"
    STAYS = "stays"
    GONE = "gone"
    FAILED = "failed"


_RESULTS: Mapping[Ended, Result] = {
    Ended.UNDONE: Result.DONE,
    Ended.BACK: Result.ALREADY,
    Ended.STAYS: Result.SKIPPED,
    Ended.GONE: Result.SKIPPED,
    Ended.FAILED: Result.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How the undo of one change ended; ``error`` and ``why`` it did not, and ``by_hand`` what a person pastes then."""

    change: Change
    ended: Ended
    error: str = ""
    why: str = ""
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """All that the alert tells about one restore.

    ``about`` is what the case's item tells of its first signal. ``reason`` are the person's own words, ``notes`` what
    went wrong besides. ``kept`` says that the case has evidence. ``restore`` and ``respond`` are ARNs of the workflows.
    """

    incident_id: str
    about: Json = field(default_factory=dict)
    reason: str = ""
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()
    kept: bool = False
    execution: str
    restore: str
    respond: str
    at: str


def refusal(  # noqa: PLR0913, PLR0917  (what is told of it)
    incident_id: str, outcome: Outcome, sentence: str, execution: str, restore: str, at: str
) -> Alert:
    """Write the alert about a restore that changed nothing: what it was asked for was refused, or it failed."""
    again = commands.start_execution(restore, {"incident_id": incident_id or "inc-…"})
    steps = ("Nothing was changed by this restore. When the reason is gone, start it again:\n" + again,)
    case = f"case {incident_id}" if incident_id else "a case"
    verb = "was refused" if outcome is Outcome.REFUSED else "could not begin"
    return alert.notice(
        Notice(
            incident_id=incident_id,
            outcome=outcome,
            what=f"the restore of {case} {verb}; nothing was changed.",
            sentences=(sentence,),
            steps=steps,
            source=_SOURCE,
            type=_TYPE,
            execution=execution,
            at=at,
        )
    )


def compose(release: Release) -> Alert:
    """Write both forms of the alert about a restore."""
    first = _headline(release)
    sections = [
        first,
        alert.section("WHAT WAS UNDONE", [_sentence(step) for step in _of(release, Ended.UNDONE, Ended.BACK)]),
        alert.section("WHAT WAS NOT UNDONE", _not_undone(release)),
        alert.numbered("WHAT TO DO NEXT", _next_steps(release)),
        alert.shell_lines("HOW TO UNDO THE REST BY HAND", _by_hand(release)),
        _facts(release),
    ]
    text = redact("\n\n".join(section for section in sections if section)) + "\n"
    short = f"{first} Account {_account(release)}, case {release.incident_id}."
    return alert.forms(f"{Outcome.RELEASED}: {_subject(release)}", text, short, _data(release, first))


def _of(release: Release, *ended: Ended) -> list[Step]:
    return [step for step in release.steps if step.ended in ended]


def _words(step: Step) -> tuple[str, str, str]:
    done, to_do, of = _WORDS[step.change.action]
    return done, to_do, of.format(_object(step))


def _object(step: Step) -> str:
    """Name what a change was made on; a user that only a key led to has a name by now."""
    change = step.change
    user = line(change.before.get("user", ""), 64)
    if change.action == "deny_principal" and change.target.kind is Kind.ACCESS_KEY:
        return f"user {user}" if user else f"the user of access key {tail(change.target.id)}"
    if change.action == "revoke_sessions" and change.target.kind is Kind.ROLE:
        return f"the sessions of {describe(change.target)}"
    return describe(change.target)


def _headline(release: Release) -> str:
    """Write the first line: which case, what could not be undone, and what was."""
    about = line(release.about.get("title", ""), 90).rstrip(".") or f"case {release.incident_id}"
    parts = [f"{Outcome.RELEASED}: {about}."]
    failed = [f"{_words(step)[1]} {_words(step)[2]}" for step in _of(release, Ended.FAILED)]
    undone = [f"{_words(step)[0]} {_words(step)[2]}" for step in _of(release, Ended.UNDONE, Ended.BACK)]
    if failed:
        parts.append(f"NOT undone: {_several(failed)}.")
    if undone:
        parts.append(f"Undone: {_several(undone)}.")
    elif not failed:
        parts.append("There was nothing left to undo.")
    if any(step.change.action == "disable_key" for step in _of(release, Ended.STAYS)):
        parts.append("The leaked key stays disabled.")
    return " ".join(parts)


def _several(named: list[str]) -> str:
    more = len(named) - _MOST_NAMED
    return "; ".join(named[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def _subject(release: Release) -> str:
    failed = len(_of(release, Ended.FAILED))
    what = f"{failed} of {len(release.steps)} changes could not be undone" if failed else "the case was undone"
    return f"{what}, case {release.incident_id}, account {_account(release)}"


def _account(release: Release) -> str:
    return (release.execution.split(":") + [""] * 5)[4] or "unknown"


def _sentence(step: Step) -> str:
    """Say how the undo of one change ended."""
    done, to_do, of = _words(step)
    match step.ended:
        case Ended.UNDONE:
            return f"{_capital(done)} {of}, and read it back."
        case Ended.BACK:
            return f"{_capital(of)}: everything reads as it was before the case, so there was nothing (more) to undo."
        case Ended.GONE:
            return f"{_capital(to_do)} {of}: there is nothing to give it back to ({line(step.why, _LONGEST)})."
        case Ended.STAYS:
            return f"{_capital(to_do)} {of}: not undone, because {line(step.why, _LONGEST)}."
    why = f": {line(step.why, _LONGEST).rstrip('.')}" if step.why else ""
    return f"{_capital(to_do)} {of}: NOT undone ({line(step.error, 80)}{why})."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _not_undone(release: Release) -> list[str]:
    said = [_sentence(step) for step in _of(release, Ended.FAILED)]
    said += [_sentence(step) for step in _of(release, Ended.STAYS, Ended.GONE)]
    said += [line(note, _LONGEST) for note in release.notes]
    return [*said, _EVIDENCE_STAYS] if release.kept else said


def _next_steps(release: Release) -> list[str]:
    undone = _of(release, Ended.UNDONE, Ended.BACK)
    actions = {step.change.action for step in undone}
    keys = [step for step in _of(release, Ended.STAYS) if step.change.action == "disable_key"]
    asked = {"incident_id": release.incident_id}
    steps = []
    if _of(release, Ended.FAILED) or release.notes:
        steps.append(
            "Look at what could not be undone. What somebody changed on purpose, leave as it is. Undo the rest by "
            "hand, or take away the reason and start the restore again, which does only what is left:\n"
            + commands.start_execution(release.restore, asked)
        )
    if "disable_key" in actions:
        steps.append(_ACTIVE)
    if keys:
        steps.append(
            "Replace the leaked key: make a new one, put it where the old one was used, then delete the old one. If "
            "the old one must be used again:\n"
            + commands.start_execution(release.restore, {**asked, "reactivate_keys": True})
        )
    if actions & {"deny_principal", "revoke_sessions", "take_profile", "lock_metadata"}:
        steps.append(_WATCH)
    if actions & {"isolate_instance", "stop_instance"}:
        steps.append(_ON_THE_NETWORK)
    return [*steps, _REPEATS]


def _by_hand(release: Release) -> list[str]:
    """Give the lines that undo what the restore did not, as many as an alert can hold."""
    entries = [entry for step in _of(release, Ended.FAILED) for entry in step.by_hand]
    lines = [alert.shown(entry) for entry in entries if len(entry) <= _LONGEST_LINE][:_MOST_LINES]
    if not lines:
        return []
    more = ["# there is more than an alert can hold: see the case's CHANGE# items of the table"]
    note = "# these write over whatever is there now: read above what that is"
    told = commands.start_execution(release.respond, {"incident_id": release.incident_id, "answer": "released"})
    more = more if len(lines) < len(entries) else []
    return [note, *lines, *more, "# then tell the responder that all of the case is undone:", told]


def _facts(release: Release) -> str:
    rows: Iterable[tuple[str, str]] = [
        ("Case", release.incident_id),
        ("Account", f"{_account(release)}, region {_region(release)}"),
        ("Reason", line(release.reason, 500) or "none given"),
        ("Written", release.at),
        ("The run", f"(sign in to the account first)\n{alert.console(release.execution)}"),
    ]
    return "\n".join(["THE CASE", *(f"  {name:<9} {value}" for name, value in rows)])


def _region(release: Release) -> str:
    return (release.execution.split(":") + [""] * 4)[3]


def _data(release: Release, first: str) -> Json:
    """Build the JSON form of the contract."""
    not_undone = _not_undone(release)
    description = "\n".join([f"*{markdown(first)}*", *(f"- {markdown(entry)}" for entry in not_undone)])
    targets = {(target.kind, target.id, target.name): target for target in (one.change.target for one in release.steps)}
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": title(f"{Outcome.RELEASED}: {_subject(release)}"),
            "description": description,
        },
        "schema": alert.SCHEMA,
        "incident_id": release.incident_id,
        "outcome": Outcome.RELEASED,
        "mode": "unknown",
        "account": _account(release),
        "region": _region(release),
        "severity": _SEVERITY,
        "title": line(release.about.get("title", "")) or "A case was undone",
        "signal": {
            "source": line(release.about.get("source", _SOURCE), 40),
            "type": line(release.about.get("type", _TYPE), 120),
            "id": "",
        },
        "targets": [
            {"kind": target.kind, "id": _id(target.kind, target.id), "name": line(target.name, 64)}
            for target in targets.values()
        ],
        "actions": [
            {
                "action": step.change.action,
                "target": _id(step.change.target.kind, step.change.target.id) or line(step.change.target.name, 128),
                "result": _RESULTS[step.ended],
                "held": None,
                "error": step.error or None,
            }
            for step in release.steps
        ],
        "not_done": not_undone,
        "next_steps": [*_next_steps(release), *_by_hand(release)],
        "undo": "",
        "report": None,
        "at": release.at,
    }


def _id(kind: Kind, unique: str) -> str:
    return tail(unique) if kind is Kind.ACCESS_KEY else line(unique, 128)
