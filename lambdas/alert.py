"""The alert: one plain text for a person at 3 a.m., one JSON for chat and machines.

The text's first line says what happened and what was done; then what waits for an answer, and how to give it; then what
was not done; then what to do next; then how to undo it, as commands that work when pasted.

May touch: nothing.
Never: shows a whole key id, a secret, or untrusted text that was not made safe.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas import commands, watched, wording
from lambdas.model import Change, Incident, Kind, Mode, Outcome, PlanItem, Result
from lambdas.playbooks.shape import ISOLATE
from lambdas.targets import claim_key, describe, instance_of
from lambdas.text import ascii_subject, line, markdown, minute, redact, tail, title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lambdas.model import Json, Target
    from lambdas.watched import Watched

SCHEMA = "tourniquet/1"

_SMS_LIMIT = 300
_WIDTH = 88
_TITLE = 90
_MOST_NAMED = 6
_LONGEST_LINE, _MOST_LINES = 4_000, 60  # SNS takes 256 KiB for all the forms of an alert
_NOTICE_SEVERITY = 5.0
_NOT_SHOWN = "a name in the command looks like a secret, which is not shown."
_REST_WAITS = "The rest waits for your yes or no."
_DECIDED: Mapping[str, str] = {
    "approve": "A person approved the changes.",
    "contain": "Nobody answered in time, and the setting makes the changes then.",
}
#: What is done beside the isolation of an instance; the first line does not tell what of it was not needed.
_ASIDE = frozenset(ISOLATE[1:]) - {"revoke_sessions"}
_WAITS = ": waits for your answer, because "
_IN_THE_CONSOLE = (
    "Contain the key by hand: IAM console, the user, Security credentials, Deactivate; then attach AWSDenyAll."
)
_KNOWN = "This case is known, and nothing was changed."
_HEADLINES: Mapping[Outcome, str] = {
    Outcome.CONTAINED: "",
    Outcome.PARTIAL: "Only a part of it worked.",
    Outcome.FAILED: "Nothing was contained; act by hand now.",
    Outcome.OBSERVED: "Nothing was changed.",
    Outcome.PENDING: "Nothing was changed yet: it waits for your yes or no.",
    Outcome.REJECTED: "A person turned it down, so nothing more was changed.",
    Outcome.EXPIRED: "Nobody answered in time, so nothing more was changed.",
    Outcome.RELEASED: "A person released it.",
    Outcome.REFUSED: "Nothing was changed: the target is protected by your settings.",
    Outcome.ANNOUNCED: "Nothing was changed: there is nothing that can be done automatically.",
    Outcome.REPEATED: "The containment was not in place any more; it was made again.",
}
_WHO_MADE_IT = (
    "IAM does not say who made these: an attacker who wants to stay, or a deployment of yours. Nothing was done about "
    "them. CloudTrail says it some minutes later. What you do not know, contain: start the respond workflow with "
    '{"user_name": "…"} or {"role_name": "…"}.'
)
_LOOK_BACK = (
    "Nobody has looked yet at what the credentials were used for before this: see the steps below. Sessions of roles "
    "that were assumed with them before the cut stay valid until they expire. IAM enforces a change after three to "
    "four seconds; calls within them may have worked."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that an alert tells about one case.

    ``results`` are per item id: result and error name. ``undo`` gives an action's undo lines for a
    change. ``execution`` and ``respond`` are the ARNs of this run and of the workflow, ``restore`` that of the workflow
    that undoes, ``""`` where there is none; ``observe_all`` says that
    the workflow would only observe again, whatever a request asks for. ``nothing_made`` says that nothing was made in
    the case, and nobody is at it: each kind of signal about it is told once. ``ask`` is the question that is open:
    ``{"id", "answer_by", "then"}``; ``decision`` how a question ended: ``{"answer", "at", "asked_at", "reason"}`` (see
    ``handoff.Decision``). ``watch`` is how the cuts held, ``None`` in the alert that tells that they were made.
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
    nothing_made: bool = False
    ask: Mapping[str, str] | None = None
    decision: Mapping[str, str] | None = None
    watch: Watched | None = None
    restore: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell that is not the story of a signal: an answer that was refused, the circuit breaker.

    ``what`` is the first sentence, ``sentences`` the rest, ``steps`` what to do next.
    """

    incident_id: str
    outcome: Outcome
    what: str
    sentences: tuple[str, ...]
    steps: tuple[str, ...]
    source: str
    type: str
    execution: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert, ready for ``sns:Publish`` with ``MessageStructure=json``."""

    subject: str
    message: str
    attributes: Mapping[str, Mapping[str, str]]


def compose(story: Story) -> Alert:
    """Write both forms of the alert."""
    signal = story.incident.signal
    short = f"{_headline(story)} Account {signal.account or 'unknown'}, case {story.incident_id}."
    return forms(f"{story.outcome}: {_subject(story)}", _text(story), short, _data(story))


def notice(told: Notice) -> Alert:
    """Write both forms of a notice."""
    account, region = (told.execution.split(":") + [""] * 5)[4], (told.execution.split(":") + [""] * 4)[3]
    what = line(told.what, 200)
    first = f"{told.outcome}: {what}"
    rows = [
        ("Case", line(told.incident_id, 60) or "none"),
        ("Account", f"{account}, region {region}"),
        ("Written", told.at),
        ("The run", f"(sign in to the account first)\n{console(told.execution)}"),
    ]
    sections = [
        first,
        section("WHAT HAPPENED", [line(sentence, 600) for sentence in told.sentences]),
        numbered("WHAT TO DO NEXT", list(told.steps)) if told.steps else "",
        "\n".join(["THE CASE", *(f"  {name:<9} {value}" for name, value in rows)]),
    ]
    text = redact("\n\n".join(section for section in sections if section)) + "\n"
    description = "\n".join([f"*{markdown(first)}*", *(f"- {markdown(line(one, 600))}" for one in told.sentences)])
    data = {
        "version": "1.0",
        "source": "custom",
        "content": {"textType": "client-markdown", "title": title(first.rstrip(".")), "description": description},
        "schema": SCHEMA,
        "incident_id": line(told.incident_id, 60),
        "outcome": told.outcome,
        "mode": "unknown",
        "account": account,
        "region": region,
        "severity": _NOTICE_SEVERITY,
        "title": what.rstrip(".")[:1].upper() + what.rstrip(".")[1:],
        "signal": {"source": line(told.source, 40), "type": line(told.type, 120), "id": ""},
        "targets": [],
        "actions": [],
        "not_done": [line(sentence, 600) for sentence in told.sentences],
        "next_steps": list(told.steps),
        "undo": "",
        "report": None,
        "at": told.at,
    }
    return forms(first.rstrip("."), text, f"{first} {' '.join(told.sentences)}", data)


def forms(subject: str, text: str, short: str, data: Json) -> Alert:
    """Put the forms for the protocols together, with the attributes for filter policies."""
    forms = {
        "default": json.dumps(_redacted(data), ensure_ascii=False),
        "email": text,
        "sms": line(short, _SMS_LIMIT),
    }
    return Alert(
        subject=ascii_subject(f"[Tourniquet] {subject}"),
        message=json.dumps(forms, ensure_ascii=False),
        attributes={
            "outcome": {"DataType": "String", "StringValue": data["outcome"]},
            "severity": {"DataType": "Number", "StringValue": f"{data['severity']:g}"},
            "source": {"DataType": "String", "StringValue": data["signal"]["source"]},
            "account": {"DataType": "String", "StringValue": data["account"] or "unknown"},
        },
    )


def tellings(story: Story) -> frozenset[str]:
    """Hash what an alert tells, so that the same is not told twice: how each item stands, and each thing not done."""
    stands = {
        f"{_item(item)}{'made' if result in _MADE else f'{result}/{error}'}" for item, result, error in _ended(story)
    }
    told = stands | {_hash(note) for note in story.not_done}
    if story.nothing_made and not any(result in _MADE for _, result, _ in _ended(story)):
        told.add(f"signal:{_hash(f'{story.incident.signal.source}|{story.incident.signal.type}')}")
    return frozenset(told)


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
        f"{wording.phrase(item).done} {wording.phrase(item).object}"
        + (" (was so already)" if result is Result.ALREADY else "")
        for item, result, _ in _ended(story)
        if result is Result.DONE or (result is Result.ALREADY and item.action not in _ASIDE)
    ]
    known = story.outcome is Outcome.REPEATED and not any(change.changed for change in story.changes.values())
    parts = [f"{story.outcome}: {line(story.incident.signal.title, _TITLE).rstrip('.')}."]
    if story.decision and made:
        parts.append(_DECIDED.get(story.decision["answer"], ""))
    if story.watch:
        parts.append(watched.headline(story.watch))
    rest_waits = _asked(story) and (made or story.outcome is not Outcome.PENDING)
    if not (rest_waits and story.outcome is Outcome.PENDING):
        said = story.watch is not None and (story.watch.lost or story.watch.released)
        parts.append(_KNOWN if known else "" if said else _HEADLINES[story.outcome])
    if rest_waits:
        parts.append(_REST_WAITS)
    failed = [
        f"{wording.phrase(item).to_do} {wording.phrase(item).object}"
        for item, result, error in _ended(story)
        if result is Result.FAILED and not _is_half_done(item, result, error)
    ]
    if failed and made:
        more = len(failed) - _MOST_NAMED
        parts.append(f"FAILED: {'; '.join(failed[:_MOST_NAMED])}{f'; and {more} more' if more > 0 else ''}.")
    if made:
        more = len(made) - _MOST_NAMED
        parts.append(f"Done: {'; '.join(made[:_MOST_NAMED])}{f'; and {more} more' if more > 0 else ''}.")
    else:
        parts.append(f"It is about {_about(story)}.")
    return " ".join(part for part in parts if part)


def _subject(story: Story) -> str:
    return f"{_about(story)}, account {line(story.incident.signal.account, 20) or 'unknown'}"


def _about(story: Story) -> str:
    """Name the first of the targets, and say how many more there are."""
    federated = any(target.kind is Kind.FEDERATED_USER for target in story.incident.targets)
    targets = [one for one in story.incident.targets if one.name or not (federated and one.kind is Kind.ACCESS_KEY)]
    named = [describe(target) for target in targets[:1]]
    more = len(targets) - 1
    return (named[0] + (f" and {more} more" if more > 0 else "")) if named else line(story.incident.signal.title, 60)


def _text(story: Story) -> str:
    sections = [
        _headline(story),
        *_watch_text(story),
        section("WHAT WAS DONE", [_did(story, *ended) for ended in _ended(story) if ended[1] in _MADE]),
        _waiting(story),
        section("WHAT WAS NOT DONE", [one for one in _undone(story) if _WAITS not in one]),
        numbered("WHAT TO DO NEXT", _steps(story, mail=True)),
        shell_lines("HOW TO UNDO IT", _undo_text(story)),
        _facts(story),
    ]
    return redact("\n\n".join(section for section in sections if section)) + "\n"


def _watch_text(story: Story) -> list[str]:
    """Tell how the cuts held, and what was born meanwhile."""
    if story.watch is None:
        return []
    born = watched.newborn(story.watch)
    return [
        section("WHETHER IT HOLDS", watched.sentences(story.watch, story.items)),
        section("BORN SINCE THE SIGNAL", [_born(one) for one in born])
        + (f"\n{_wrapped(_WHO_MADE_IT, '  ', '  ')}" if born else ""),
    ]


def _newborn(story: Story) -> list[str]:
    """Say in one sentence what was born; the mail has a section for it."""
    born = watched.newborn(story.watch) if story.watch else []
    return [f"Born since the signal, nobody knows by whom: {'; '.join(born)}."] if born else []


def _born(sentence: str) -> str:
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _facts(story: Story) -> str:
    signal = story.incident.signal
    sent = f", sent {line(signal.at, 40)}" if signal.at else ""
    rows = [
        ("Case", story.incident_id),
        ("Account", f"{line(signal.account, 20) or 'unknown'}, region {line(signal.region, 30) or 'unknown'}"),
        ("Signal", f"{line(signal.source, 40)}, {line(signal.type, 120)}, severity {signal.severity:g}{sent}"),
        *((line(name, 20), line(value)) for name, value in story.incident.context),
        ("Mode", f"{story.mode}, because {line(story.why_mode)}"),
        *((("Answer", _answer(story.decision)),) if story.decision else ()),
        ("Written", story.at),
        ("The run", f"(sign in to the account first)\n{console(story.execution)}"),
    ]
    return "\n".join(["THE CASE", *(f"  {name:<9} {value}" for name, value in rows)])


def _answer(decision: Mapping[str, str]) -> str:
    """Say how a question ended, and what the person who answered gave as the reason."""
    reason = line(decision.get("reason", ""), 300)
    said = f"{line(decision['answer'], 20)} at {minute(decision['at'])}"
    if decision["answer"] in {"approve", "reject"}:
        said += f", given by the run {line(decision.get('by', '').rpartition(':')[2], 80)}"
    return f"{said}: {reason}" if reason else said


def _wrapped(sentence: str, first: str = "", rest: str = "") -> str:
    """Fold prose for a mail client; never a word, and never a line that is to be pasted."""
    return textwrap.fill(
        sentence, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def section(heading: str, sentences: list[str]) -> str:
    """Write a heading and a list of sentences, or nothing where there are none."""
    return "\n".join([heading, *(_wrapped(sentence, "  - ", "    ") for sentence in sentences)]) if sentences else ""


def numbered(heading: str, steps: list[str]) -> str:
    """Write the steps with their numbers; a step's first line is prose, any other a command."""
    rows = [heading]
    for number, step in enumerate(steps, 1):
        prose, *pasted = step.split("\n")
        rows += [_wrapped(prose, f"  {number}. ", "     "), *(f"     {entry}" for entry in pasted)]
    return "\n".join(rows)


def shell_lines(heading: str, entries: list[str]) -> str:
    """Write a heading and lines that are to be pasted, or nothing where there are none."""
    return "\n".join([heading, *(f"  {entry}" for entry in entries)]) if entries else ""


def _did(story: Story, item: PlanItem, result: Result, _error: str) -> str:
    """Say what was done, and how, and what was read back."""
    change = story.changes.get(item.id)
    words = wording.phrase(item)
    name = f"{words.done.capitalize()} {words.object}"
    if result is Result.ALREADY or change is None:
        return f"{name}: {wording.already(item)}."
    return f"{name}; read back: {wording.read_back(change)}."


def _asked(story: Story) -> list[str]:
    """Say what people are asked about, and why."""
    pending = [item for item, result, _ in _ended(story) if result is Result.PENDING]
    return [f"{_to_do(item)}. You are asked because {line(item.why, 300)}." for item in pending]


def _answers(story: Story) -> tuple[str, str]:
    """Give the two lines for a shell that answer the question of a case: yes, no."""
    about = {"incident_id": story.incident_id, "question": (story.ask or {}).get("id", "")}
    yes, no = (commands.start_execution(story.respond, {**about, "answer": one}) for one in ("approve", "reject"))
    return yes, no


def _deadline(story: Story) -> str:
    """Say until when a question is open, and what happens then."""
    ask = story.ask or {}
    pending = [item for item, result, _ in _ended(story) if result is Result.PENDING]
    then = "nothing of this is changed"
    if ask.get("then") == "contain" and not all(item.needs_yes for item in pending):
        some = " that the playbook's mode asks about" if any(item.needs_yes for item in pending) else ""
        then = f"the changes{some} are made"
    return f"Answer until {minute(ask.get('answer_by', ''))}; if nobody does, {then}."


def _waiting(story: Story) -> str:
    """Write the question, and how to answer it."""
    asked = _asked(story)
    if not asked:
        return ""
    yes, no = _answers(story)
    rows = [
        *(_wrapped(sentence, "  - ", "    ") for sentence in asked),
        _wrapped(_deadline(story), "  ", "  "),
        "  To have it done:",
        f"  {yes}",
        "  To turn it down:",
        f"  {no}",
    ]
    return "\n".join(["WAITING FOR YOUR ANSWER", *rows])


def _to_do(item: PlanItem) -> str:
    words = wording.phrase(item)
    return f"{words.to_do[0].upper()}{words.to_do[1:]} {words.object}"


def _undone(story: Story) -> list[str]:
    """Say what was planned and not made, and what nothing was planned for."""
    said = [sentence for ended in _ended(story) if (sentence := _not_made(story, *ended))]
    said += [_safe_note(note) for note in story.not_done]
    made = [item for item, result, _ in _ended(story) if result in _MADE]
    half = [item for item, result, error in _ended(story) if _is_half_done(item, result, error)]
    if any(item.action == "isolate_instance" for item in (*made, *half)):
        said.append(wording.SURVIVES)
    if any(item.target.kind is not Kind.INSTANCE for item in made):
        said.append(_LOOK_BACK)
    return said


def _not_made(story: Story, item: PlanItem, result: Result, error: str) -> str:  # noqa: PLR0911  (one a result)
    """Say of one item why it was not made, or what is missing although it was; ``""`` where nothing is."""
    change = story.changes.get(item.id)
    wanted = _to_do(item)
    match result:
        case Result.PENDING:
            return f"{wanted}{_WAITS}{line(item.why, 300)}."
        case Result.REJECTED | Result.EXPIRED:
            return f"{wanted}: not done, because {_decided(story)}."
        case Result.PLANNED:
            return f"{wanted}: only planned, because {_why_planned(story, item)}."
        case Result.REFUSED:
            return f"{wanted}: refused, because {item.refused or 'it is protected'}."
        case Result.SKIPPED:
            return f"{wanted}: not needed, it does not exist any more."
        case Result.FAILED if _is_half_done(item, result, error):
            return wording.still_tracked(item, change.reason if change else "")
        case Result.FAILED:
            reason = line(change.reason, 600) if change and change.reason else ""
            detail = f" ({error}{': ' + reason if reason else ''})" if error else ""
            return f"{wanted}: FAILED{detail}."
    phrase = wanted[0].lower() + wanted[1:]
    if change is not None and change.omitted and not change.before:
        return (
            f'What was there before "{phrase}" is too long for an alert and could not be read back: it is in the '
            "incident table, in the case's CHANGE# items."
        )
    if change is None or change.journaled:
        return ""
    return (
        f'The incident table could not be written, so what was there before "{phrase}" is only in the history of the '
        "run (link below)."
    )


def _is_half_done(item: PlanItem, result: Result, error: str) -> bool:
    """Tell whether a change that failed was made all the same, but for a part that nothing can make up for."""
    return result is Result.FAILED and wording.is_half_done(item, error)


def _why_planned(story: Story, item: PlanItem) -> str:
    return line(item.why or story.why_mode, 300)


def _decided(story: Story) -> str:
    """Say who turned a question down."""
    decision = story.decision or {}
    at = minute(decision.get("at", ""))
    if decision.get("answer") == "reject":
        reason = line(decision.get("reason", ""), 300)
        return f"a person turned it down at {at}" + (f" ({reason})" if reason else "")
    return f"nobody answered the question of {minute(decision.get('asked_at', ''))} until {at}"


def _safe_note(note: str) -> str:
    shown = line(note, 600)
    return shown[:1].upper() + shown[1:]


def _steps(story: Story, *, mail: bool = False) -> list[str]:
    """Give the playbook's steps, with the commands for what is still open before them.

    The mail has the question and how to answer it in a section of its own, above.
    """
    still_open = {Result.FAILED, Result.PLANNED, Result.REJECTED, Result.EXPIRED}
    open_items = [(item, result) for item, result, _ in _ended(story) if result in still_open]
    steps: list[str] = []
    if _asked(story) and not mail:
        yes, no = _answers(story)
        steps += [f"Answer the question. {_deadline(story)} To have it done:\n{yes}", f"To turn it down:\n{no}"]
    if story.outcome in {Outcome.FAILED, Outcome.PARTIAL}:
        steps += _by_hand(story, [item for item, result in open_items if result is Result.FAILED])
    planned = [item for item, result in open_items if result is not Result.FAILED]
    if planned and not story.incident.signal.inert:
        steps += _by_hand(story, planned) if story.observe_all else _by_workflow(story, planned)
    return steps if story.outcome is Outcome.REJECTED else [*steps, *story.next_steps]


def _by_workflow(story: Story, items: list[PlanItem]) -> list[str]:
    """Offer to have the workflow make items that were not made; where no request says so, the calls themselves."""
    requests = {tuple(found.items()): item for item in items if (found := wording.request(item))}
    steps = []
    for request in requests:
        kind, name = request[0]
        said = {**dict(request), "mode": Mode.CONTAIN.value, "reason": story.incident_id}
        steps.append(
            f"To contain {kind.partition('_')[0]} {line(name, 64)} ({_WHOLE[kind]}), run:\n"
            + commands.start_execution(story.respond, {key: value for key, value in said.items() if value})
        )
    instances = {dict(request).get("instance_id") for request in requests}
    rest = [
        item
        for item in items
        if not wording.request(item)
        and (item.target.name or item.target.kind is Kind.INSTANCE)
        and instance_of(item) not in instances - {None}
    ]
    return [*steps, *(_by_hand(story, rest) if rest else [])]


_WHOLE = {
    "user_name": "all its keys, and everything it may do",
    "role_name": "everything it may do, for everybody who uses it",
    "instance_id": "cut it off, keep it and its evidence, and deny the session of its role",
}


def _by_hand(story: Story, items: list[PlanItem]) -> list[str]:
    """Offer the calls themselves, for credentials of the reader's: one step for each item that is open."""
    deny = f"arn:{story.execution.split(':')[1]}:iam::aws:policy/AWSDenyAll"
    steps = []
    for item in items:
        error = story.results[item.id][1]
        if found := wording.by_hand(item, deny, error):
            steps.append(_pasted(*found))
        if item.action == "revoke_sessions" and error == "QuotaFull":
            steps.append(
                f"Role {line(item.target.name, 64)} has no room for another inline policy. To have the workflow deny "
                "the whole role instead, for everybody who uses it, run:\n"
                + commands.start_execution(
                    story.respond,
                    {"role_name": item.target.name, "mode": Mode.CONTAIN.value, "reason": story.incident_id},
                )
            )
    if not story.items:
        named = (target for target in story.incident.targets if target.kind in {Kind.ACCESS_KEY, Kind.USER})
        steps += [
            f"Deny everything to user {line(name, 64)} by hand:\n{commands.attach_policy(name, deny)}"
            for name in dict.fromkeys(target.name for target in named if target.name)
        ]
    nameless = any(not item.target.name for item in items if item.target.kind is not Kind.INSTANCE)
    return [*steps, _IN_THE_CONSOLE] if nameless or not steps else steps


def _undo(story: Story, action: str) -> list[str]:
    changes = [story.changes[item.id] for item in story.items if item.id in story.changes and item.action == action]
    return [entry for change in changes if _is_to_undo(change) for entry in story.undo(change)]


def _is_to_undo(change: Change) -> bool:
    """Tell whether there is something to undo: of an isolation that failed, some interfaces may have been moved."""
    return change.result in _MADE or (change.action == "isolate_instance" and bool(change.before.get("interfaces")))


def _undo_lines(story: Story) -> list[str]:
    """Give the undo as shell lines: the denies, or the keys where no deny was made; then that it was done."""
    denies = [*_undo(story, "deny_principal"), *_undo(story, "revoke_sessions")]
    lines = [one for one in denies or _undo(story, "disable_key") if _shows_nothing(one)]
    lines += [one for one in _undo_of_instances(story) if _shows_nothing(one)]
    if story.restore and _to_restore(story):
        return [_only_restore(story)]
    return [*lines, _released(story)] if lines else []


def _to_restore(story: Story) -> bool:
    """Tell whether there is anything to undo."""
    return any(_undo(story, action) for action in dict.fromkeys(item.action for item in story.items))


def _only_restore(story: Story) -> str:
    """Give the one line that starts the restore workflow; where keys are all that there is to undo, of these."""
    keys = {item.action for item in story.items if _undo(story, item.action)} == {"disable_key"}
    return _undo_by_restore(story)[-1 if keys else 0]


def _undo_of_instances(story: Story) -> list[str]:
    """Give the undo of what was done to instances, in the order in which it is to be undone."""
    return [entry for entry in _all_undo_of_instances(story) if len(entry) <= _LONGEST_LINE][:_MOST_LINES]


def _all_undo_of_instances(story: Story) -> list[str]:
    return [entry for action in _UNDO_ORDER for entry in _undo(story, action)]


_UNDO_ORDER = (
    "take_profile",
    "lock_metadata",
    "isolate_instance",
    "stop_instance",
    "leave_balancers",
    "leave_groups",
    "protect_instance",
)


def _released(story: Story) -> str:
    """Give the line that tells the responder of an undo."""
    return commands.start_execution(story.respond, {"incident_id": story.incident_id, "answer": "released"})


def _shows_nothing(command: str) -> bool:
    """Tell whether a command can be shown as it is: one that holds what looks like a secret would not work when cut."""
    return redact(command) == command


def _pasted(step: str, command: str) -> str:
    """Put a step and its command together, or say where to do it without."""
    if not command:
        return f"{step.removesuffix(':')}, in the console."
    if _shows_nothing(command):
        return f"{step}\n{command}"
    return f"{step.removesuffix(':')}, in the IAM console: {_NOT_SHOWN}"


def _undo_text(story: Story) -> list[str]:
    denies, keys = _undo(story, "deny_principal"), _undo(story, "disable_key")
    sessions = _undo(story, "revoke_sessions")
    lines = list(denies)
    if denies and keys:
        lines.insert(
            0, "# gives the user back its rights; the leaked key stays disabled. Replace and delete that key first"
        )
    if sessions:
        lines += ["# sessions that were stolen work again until they expire, if they have not yet:", *sessions]
    if keys:
        lines += ["# a leaked key should be replaced, not used again; if it must be:", *keys]
    if instances := _undo_of_instances(story):
        lines += ["# puts the instance back; snapshots and evidence stay:", *instances]
        if len(instances) < len(_all_undo_of_instances(story)):
            lines.append("# there is more to undo than an alert can hold: see the case's CHANGE# items of the table")
    by_hand = [shown(one) for one in lines]
    told = ["# then tell the responder, so that a repeat of the signal does not cut again:", _released(story)]
    if not by_hand:
        return []
    restored = [*_undo_by_restore(story), "# by hand, where you may not start that workflow:"] if story.restore else []
    return [*restored, *by_hand, *told]


def _undo_by_restore(story: Story) -> list[str]:
    """Give the lines that start the restore workflow: of all but the leaked keys, then of these too."""
    asked = {"incident_id": story.incident_id}
    with_keys = commands.start_execution(story.restore, {**asked, "reactivate_keys": True})
    lines = [commands.start_execution(story.restore, asked)]
    if _undo(story, "disable_key"):
        lines += [
            "# a leaked key stays disabled, and should be replaced; if it must be used again:",
            with_keys,
        ]
    return lines


def shown(command: str) -> str:
    """Give a line that undoes something, or say where to do it without: one with what looks like a secret is none."""
    if _shows_nothing(command) or command.startswith("#"):
        return command
    _, service, call, *_ = command.split()
    return f"# undo it in the {'IAM console' if service == 'iam' else f'console ({service} {call})'}: {_NOT_SHOWN}"


def _shown_target(target: Target) -> str:
    """Give a target's name; of a role's session its id, which tells it from the role."""
    return target.id if target.kind is Kind.ROLE_SESSION else target.name or target.id


#: The contract knows fewer results than we do: what waits for an answer, or got none, was planned.
_SHOWN = {Result.PENDING: Result.PLANNED, Result.REJECTED: Result.PLANNED, Result.EXPIRED: Result.PLANNED}


def console(execution: str) -> str:
    """Give the address of a run in the console."""
    region = execution.split(":")[3] if execution.count(":") > 3 else "us-east-1"  # noqa: PLR2004  (an ARN has six parts)
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution}"


def _data(story: Story) -> Json:
    """Build the JSON form of the contract."""
    signal = story.incident.signal
    heading = f"{story.outcome}: {_subject(story)}"
    undone, steps = [*_undone(story), *_newborn(story)], _steps(story)
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
                else line(_shown_target(item.target), 128),
                "result": _SHOWN.get(result, result),
                "held": story.watch.held_of(item) if story.watch else None,
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
