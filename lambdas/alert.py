"""The alert: one plain text for a person at 3 a.m., one JSON for chat and machines.

The text's first line says what happened and what was done; then what was not; then what to do next;
then how to undo it, as commands that work when pasted.

May touch: nothing.
Never: shows a whole key id, a secret, or untrusted text that was not made safe.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas import commands
from lambdas.model import Change, Incident, Kind, Mode, Outcome, PlanItem, Result
from lambdas.planning import claim_key, describe
from lambdas.text import ascii_subject, line, markdown, redact, tail, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lambdas.model import Json

SCHEMA = "tourniquet/1"

_SMS_LIMIT = 300
_WIDTH = 88
_TITLE = 90
_MOST_NAMED = 6
_IN_THE_CONSOLE = (
    "Contain the key by hand: IAM console, the user, Security credentials, Deactivate; then attach AWSDenyAll."
)
_KNOWN = "This case is known, and nothing was changed."
_DONE: Mapping[str, str] = {"disable_key": "disabled", "deny_principal": "denied everything to"}
_PLANNED: Mapping[str, str] = {"disable_key": "disable", "deny_principal": "deny everything to"}
_HEADLINES: Mapping[Outcome, str] = {
    Outcome.CONTAINED: "",
    Outcome.PARTIAL: "Only a part of it worked.",
    Outcome.FAILED: "Nothing was contained; act by hand now.",
    Outcome.OBSERVED: "Nothing was changed.",
    Outcome.REFUSED: "Nothing was changed: the target is protected by your settings.",
    Outcome.ANNOUNCED: "Nothing was changed: there is nothing that can be done automatically.",
    Outcome.REPEATED: "The containment was not in place any more; it was made again.",
}
_LOOK_BACK = (
    "Nobody has looked yet at what the credentials were used for before this: see the steps below. Sessions of roles "
    "that were assumed with them before the cut stay valid until they expire. IAM enforces a change after three to "
    "four seconds; calls within them may have worked."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that an alert tells about one case.

    ``results`` are per item id: result and error name. ``undo`` gives an action's undo lines for a
    change. ``execution`` and ``respond`` are the ARNs of this run and of the workflow; ``observe_all`` says that
    the workflow would only observe again, whatever a request asks for.
    """

    incident_id: str
    incident: Incident
    outcome: Outcome
    mode: str
    why_mode: str
    observe_all: bool
    items: tuple[PlanItem, ...]
    results: Mapping[str, tuple[Result, str]]
    changes: Mapping[str, Change]
    not_done: tuple[str, ...]
    next_steps: tuple[str, ...]
    execution: str
    respond: str
    at: str
    undo: Callable[[Change], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, ready for ``sns:Publish`` with ``MessageStructure=json``."""

    subject: str
    message: str
    attributes: Mapping[str, Mapping[str, str]]


def compose(story: Story) -> Alert:
    """Write both forms of the alert."""
    signal = story.incident.signal
    body = _text(story)
    data = _redacted(_data(story))
    forms = {
        "default": json.dumps(data, ensure_ascii=False),
        "email": body,
        "sms": line(f"{_headline(story)} Account {signal.account or 'unknown'}, case {story.incident_id}.", _SMS_LIMIT),
    }
    return Alert(
        subject=ascii_subject(f"[Tourniquet] {story.outcome}: {_subject(story)}"),
        message=json.dumps(forms, ensure_ascii=False),
        attributes={
            "outcome": {"DataType": "String", "StringValue": story.outcome},
            "severity": {"DataType": "Number", "StringValue": f"{signal.severity:g}"},
            "source": {"DataType": "String", "StringValue": signal.source},
            "account": {"DataType": "String", "StringValue": signal.account or "unknown"},
        },
    )


def tellings(story: Story) -> frozenset[str]:
    """Hash what an alert tells, so that the same is not told twice: how each item stands, and each thing not done."""
    stands = {
        f"{_item(item)}{'made' if result in _MADE else f'{result}/{error}'}" for item, result, error in _ended(story)
    }
    return frozenset(stands | {_hash(note) for note in story.not_done})


def told_after(told: Iterable[str], story: Story) -> list[str]:
    """Add what an alert tells to what was told; of an item only how it stands now is remembered.

    That something made is only planned by a later signal changes nothing about how it stands.
    """
    before = set(told)
    for item, result, _ in _ended(story):
        of_item = {one for one in before if one.startswith(_item(item))}
        if result is not Result.PLANNED or f"{_item(item)}made" not in of_item:
            before -= of_item
    return sorted(before | tellings(story))


def _item(item: PlanItem) -> str:
    return f"item:{_hash(f'{item.action}|{claim_key(item.target)}')}:"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:20]


_MADE = (Result.DONE, Result.ALREADY)


def _ended(story: Story) -> list[tuple[PlanItem, Result, str]]:
    return [(item, *story.results[item.id]) for item in story.items]


def _headline(story: Story) -> str:
    """Write the first line: what happened, to whom, and what was done."""
    made = [
        f"{_DONE[item.action]} {_object(item)}" + (" (was so already)" if result is Result.ALREADY else "")
        for item, result, _ in _ended(story)
        if result in _MADE
    ]
    known = story.outcome is Outcome.REPEATED and not any(change.changed for change in story.changes.values())
    parts = [f"{story.outcome}: {line(story.incident.signal.title, _TITLE).rstrip('.')}."]
    parts.append(_KNOWN if known else _HEADLINES[story.outcome])
    if made:
        more = len(made) - _MOST_NAMED
        parts.append(f"Done: {'; '.join(made[:_MOST_NAMED])}{f'; and {more} more' if more > 0 else ''}.")
    else:
        parts.append(f"It is about {_subject(story)}.")
    return " ".join(part for part in parts if part)


def _object(item: PlanItem) -> str:
    """Name what an action acts on; a deny may know its user only by a key."""
    if item.action == "deny_principal" and item.target.kind is Kind.ACCESS_KEY:
        return f"the user of access key {tail(item.target.id)}"
    return describe(item.target)


def _subject(story: Story) -> str:
    named = [describe(target) for target in story.incident.targets[:1]]
    more = len(story.incident.targets) - 1
    what = (named[0] + (f" and {more} more" if more > 0 else "")) if named else line(story.incident.signal.title, 60)
    return f"{what}, account {story.incident.signal.account or 'unknown'}"


def _text(story: Story) -> str:
    sections = [
        _headline(story),
        _section("WHAT WAS DONE", [_did(story, *ended) for ended in _ended(story) if ended[1] in _MADE]),
        _section("WHAT WAS NOT DONE", _undone(story)),
        _numbered("WHAT TO DO NEXT", _steps(story)),
        _commands("HOW TO UNDO IT", _undo_text(story)),
        _facts(story),
    ]
    return redact("\n\n".join(section for section in sections if section)) + "\n"


def _facts(story: Story) -> str:
    signal = story.incident.signal
    sent = f", sent {line(signal.at, 40)}" if signal.at else ""
    rows = [
        ("Case", story.incident_id),
        ("Account", f"{line(signal.account, 20) or 'unknown'}, region {line(signal.region, 30) or 'unknown'}"),
        ("Signal", f"{line(signal.source, 40)}, {line(signal.type, 120)}, severity {signal.severity:g}{sent}"),
        *((line(name, 20), line(value)) for name, value in story.incident.context),
        ("Mode", f"{story.mode}, because {line(story.why_mode)}"),
        ("Written", story.at),
        ("The run", f"(sign in to the account first)\n{_console(story.execution)}"),
    ]
    return "\n".join(["THE CASE", *(f"  {name:<9} {value}" for name, value in rows)])


def _wrapped(sentence: str, first: str = "", rest: str = "") -> str:
    """Fold prose for a mail client; never a word, and never a line that is to be pasted."""
    return textwrap.fill(
        sentence, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _section(heading: str, sentences: list[str]) -> str:
    return "\n".join([heading, *(_wrapped(sentence, "  - ", "    ") for sentence in sentences)]) if sentences else ""


def _numbered(heading: str, steps: list[str]) -> str:
    """Write the steps with their numbers; a step's first line is prose, any other a command."""
    rows = [heading]
    for number, step in enumerate(steps, 1):
        prose, *pasted = step.split("\n")
        rows += [_wrapped(prose, f"  {number}. ", "     "), *(f"     {entry}" for entry in pasted)]
    return "\n".join(rows)


def _commands(heading: str, entries: list[str]) -> str:
    return "\n".join([heading, *(f"  {entry}" for entry in entries)]) if entries else ""


def _did(story: Story, item: PlanItem, result: Result, _error: str) -> str:
    """Say what was done, and how, and what was read back."""
    change = story.changes.get(item.id)
    name = f"{_DONE[item.action].capitalize()} {_object(item)}"
    if result is Result.ALREADY:
        return f"{name}: it was so already."
    how = ""
    if item.action == "disable_key":
        how = "the key reads Inactive"
    elif change and change.after.get("attached"):
        how = "the policy AWSDenyAll is attached"
    elif change:
        how = "its permissions boundary is AWSDenyAll, because it has as many policies as IAM allows"
    return f"{name}; read back: {how}."


def _undone(story: Story) -> list[str]:
    """Say what was planned and not made, and what nothing was planned for."""
    said: list[str] = []
    for item, result, error in _ended(story):
        change = story.changes.get(item.id)
        reason = line(change.reason) if change and change.reason else ""
        detail = f" ({error}{': ' + reason if reason else ''})" if error else ""
        wanted = f"{_PLANNED[item.action].capitalize()} {_object(item)}"
        match result:
            case Result.PLANNED:
                said.append(f"{wanted}: only planned, because {_why_planned(story, item)}.")
            case Result.REFUSED:
                said.append(f"{wanted}: refused, because {item.refused or 'it is protected'}.")
            case Result.SKIPPED:
                said.append(f"{wanted}: not needed, it does not exist any more.")
            case Result.FAILED:
                said.append(f"{wanted}: FAILED{detail}.")
            case Result.DONE | Result.ALREADY:
                if change and not change.journaled:
                    phrase = wanted[0].lower() + wanted[1:]
                    said.append(
                        f'The incident table could not be written, so what was there before "{phrase}" is only in '
                        "the history of the run (link below)."
                    )
    said += [_safe_note(note) for note in story.not_done]
    if any(result in _MADE for _, result, _ in _ended(story)):
        said.append(_LOOK_BACK)
    return said


def _why_planned(story: Story, item: PlanItem) -> str:
    if item.args.get("key_gone") and story.mode == Mode.CONTAIN:
        return "its leaked key does not exist any more: if it was rotated, the user is not the attacker's"
    return line(story.why_mode)


def _safe_note(note: str) -> str:
    return line(note, 600)


def _steps(story: Story) -> list[str]:
    """Give the playbook's steps, with the commands for what is still open before them."""
    open_items = [(item, result) for item, result, _ in _ended(story) if result in {Result.FAILED, Result.PLANNED}]
    steps: list[str] = []
    if story.outcome in {Outcome.FAILED, Outcome.PARTIAL}:
        steps += _by_hand(story, [item for item, result in open_items if result is Result.FAILED])
    planned = [item for item, result in open_items if result is Result.PLANNED]
    if planned and not story.incident.signal.inert:
        steps += _by_hand(story, planned) if story.observe_all else _by_workflow(story, planned)
    return [*steps, *story.next_steps]


def _by_workflow(story: Story, items: list[PlanItem]) -> list[str]:
    """Offer to have the workflow contain the users of items that were only planned."""
    names = dict.fromkeys(item.target.name for item in items if item.target.name)
    return [
        f"To contain user {line(name, 64)} (all its keys, and everything it may do), run:\n"
        + commands.start_execution(
            story.respond, {"user_name": name, "mode": Mode.CONTAIN.value, "reason": story.incident_id}
        )
        for name in names
    ]


def _by_hand(story: Story, items: list[PlanItem]) -> list[str]:
    """Offer the calls themselves, for credentials of the reader's: one step for each item that is open."""
    deny = f"arn:{story.execution.split(':')[1]}:iam::aws:policy/AWSDenyAll"
    steps = []
    for item in items:
        name, shown = item.target.name, _object(item)
        if name and item.action == "disable_key":
            steps.append(f"Disable {shown} by hand:\n{commands.set_key_status(name, item.target.id, 'Inactive')}")
        elif name:
            full = story.results[item.id][1] == "QuotaFull"
            command = commands.set_boundary(name, deny) if full else commands.attach_policy(name, deny)
            steps.append(f"Deny everything to {shown} by hand:\n{command}")
    if not story.items:
        named = (target for target in story.incident.targets if target.kind in {Kind.ACCESS_KEY, Kind.USER})
        steps += [
            f"Deny everything to user {line(name, 64)} by hand:\n{commands.attach_policy(name, deny)}"
            for name in dict.fromkeys(target.name for target in named if target.name)
        ]
    nameless = any(not item.target.name for item in items)
    return [*steps, _IN_THE_CONSOLE] if nameless or not steps else steps


def _undo(story: Story, action: str) -> list[str]:
    changes = [story.changes[item.id] for item in story.items if item.id in story.changes and item.action == action]
    return [entry for change in changes if change.result in _MADE for entry in story.undo(change)]


def _undo_lines(story: Story) -> list[str]:
    """Give the undo as shell lines: the denies, or the keys where no deny was made."""
    return _undo(story, "deny_principal") or _undo(story, "disable_key")


def _undo_text(story: Story) -> list[str]:
    denies, keys = _undo(story, "deny_principal"), _undo(story, "disable_key")
    lines = list(denies)
    if denies:
        lines.insert(0, "# gives the user back its rights; the leaked key stays disabled. Replace and delete that key")
        lines.insert(1, "# first: as long as it exists, a repeat of the signal cuts again")
    if keys:
        lines += ["# a leaked key should be replaced, not used again; if it must be:", *keys]
    return lines


def _console(execution: str) -> str:
    region = execution.split(":")[3] if execution.count(":") > 3 else "us-east-1"  # noqa: PLR2004  (an ARN has six parts)
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"


def _data(story: Story) -> Json:
    """Build the JSON form of the contract."""
    signal = story.incident.signal
    heading = f"{story.outcome}: {_subject(story)}"
    undone, steps = _undone(story), _steps(story)
    description = "\n".join(
        [
            f"*{markdown(_headline(story))}*",
            *(f"- {markdown(entry)}" for entry in undone),
            markdown(f"Case {story.incident_id}, account {signal.account or 'unknown'}."),
        ]
    )
    return {
        "version": "1.0",
        "source": "custom",
        "content": {"textType": "client-markdown", "title": title(heading), "description": description},
        "schema": SCHEMA,
        "incident_id": story.incident_id,
        "outcome": story.outcome,
        "mode": story.mode,
        "account": line(signal.account, 20),
        "region": line(signal.region, 30),
        "severity": signal.severity,
        "title": line(signal.title),
        "signal": {"source": line(signal.source, 40), "type": line(signal.type, 120), "id": signal.id},
        "targets": [
            {
                "kind": target.kind,
                "id": tail(target.id) if target.kind is Kind.ACCESS_KEY else line(target.id, 128),
                "name": line(target.name, 64),
            }
            for target in story.incident.targets
        ],
        "actions": [
            {
                "action": item.action,
                "target": tail(item.target.id)
                if item.target.kind is Kind.ACCESS_KEY
                else line(item.target.name or item.target.id, 64),
                "result": result,
                "held": None,
                "error": error or None,
            }
            for item, result, error in _ended(story)
        ],
        "not_done": undone,
        "next_steps": steps,
        "undo": " && ".join(_undo_lines(story)),
        "report": None,
        "at": story.at,
    }


def _redacted(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    match value:
        case str():
            return redact(str(value))
        case dict():
            return {key: _redacted(inner) for key, inner in value.items()}
        case list():
            return [_redacted(inner) for inner in value]
    return value
