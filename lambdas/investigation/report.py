"""The report of an investigation: one HTML page that stands alone, and the same findings as JSON.

The page loads nothing and runs nothing, reads on a phone and on paper, and says in words what could not be seen.

May touch: nothing.
Never: raises for findings that are not whole, shows a whole key id or a secret, or grows with what an attacker did.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambdas.investigation import moments, page, pictures, words
from lambdas.investigation.page import NOTHING, Html, badge, esc, isolated, items, join, table, tag, text
from lambdas.investigation.shown import shown
from lambdas.text import cell, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lambdas.investigation.shown import Json

_OUTCOMES = {"CONTAINED": "good", "PARTIAL": "warn", "FAILED": "bad", "PENDING": "warn"}
_STATES = {"active": "bad", "unknown": "warn"}
#: How many bytes the rows of a table may have; together they keep the page below 2 MB.
_LARGE, _MIDDLE, _SMALL = 320_000, 140_000, 60_000
_IN_JSON = "see the JSON of this report."
_MOST_REGIONS, _MOST_STEPS, _SERIOUS, _NOTABLE = 40, 200, 3, 2
_LONG_TABLE, _SHORT, _AGENT = 40, 32, 40


def report_json(findings: Mapping[str, Any]) -> str:
    """Write findings as JSON, made safe: no whole key id, no secret, every text one bounded line."""
    return json.dumps(shown(findings), ensure_ascii=False, indent=1)


def report_html(findings: Mapping[str, Any]) -> str:
    """Write the report as one HTML page."""
    safe = shown(findings)
    sections = [
        ("summary", "What happened", _summary(safe)),
        ("done", "What was done, and whether it held", _done(safe)),
        ("next", "Next steps", _next(safe)),
        ("timeline", "Timeline", _timeline(safe)),
        ("credentials", "Credentials", _credentials(safe)),
        ("resources", "Resources to review", _resources(safe)),
        ("stock", "Other new things in the account", _stock(safe)),
        ("suspicious", "Suspicious calls", _suspicious(safe)),
        ("sources", "Where the calls came from", _sources(safe)),
        ("denied", "What was refused", _denied(safe)),
        ("logging", "Whether logging was touched", _logging(safe)),
        ("principals", "Users and roles", _principals(safe)),
        ("cost", "Cost", _cost(safe)),
        ("posture", "How well the account is protected", _posture(safe)),
        ("unknown", "What is not known", _unknown(safe)),
    ]
    main = join(
        tag("section", Html(f"{text('h2', title, id=f'h-{name}')}{body}"), id=name, aria_labelledby=f"h-{name}")
        for name, title, body in sections
    )
    nav = items([tag("a", esc(title), href=f"#{name}") for name, title, _ in sections], "ol")
    return page.document(
        title=f"Investigation of {safe['incident_id'] or 'a case'}",
        header=_header(safe),
        nav=tag("nav", nav, aria_label="Parts of the report"),
        main=main,
        footer=_footer(safe),
    )


# ---- what is at the top and the end -----------------------------------------------------------


def _header(safe: Json) -> Html:
    outcome = badge(safe["outcome"], _OUTCOMES.get(safe["outcome"], "plain")) if safe["outcome"] else NOTHING
    held = {True: badge("held", "good"), False: badge("did not hold", "bad"), None: NOTHING}[safe["held"]]
    about = words.subject(safe)
    facts = [
        ("Case", safe["incident_id"] or "none"),
        ("Account", safe["account"] or "not known"),
        ("Looked at", _period(safe)),
        ("Written", _written(safe)),
    ]
    return join(
        [
            text("p", "Investigation report", class_="over"),
            text("h1", f"{about[:1].upper()}{about[1:]}" if about else safe["title"] or "A case without a name"),
            tag("p", join([outcome, held], " ")),
            tag(
                "dl",
                join(tag("div", Html(f"{text('dt', name)}{text('dd', value)}")) for name, value in facts),
                class_="facts",
            ),
        ]
    )


def _period(safe: Json) -> str:
    if not (safe["since"] or safe["until"]):
        return "not known"
    return f"{moments.said(safe['since']) or 'the beginning'} to {moments.said(safe['until']) or 'the end'} UTC"


def _written(safe: Json) -> str:
    looks = {1: ", first look", 2: ", second look"}.get(safe["look"], "")
    return f"{moments.said(safe['made_at'])} UTC{looks}" if safe["made_at"] else f"not known{looks}"


def _footer(safe: Json) -> Html:
    return join(
        [
            text(
                "p",
                "Times are UTC. Of an access key only its last four characters are shown. Names, addresses and agents "
                "are what callers gave, and may be invented. CloudTrail's event history has management events only: "
                "reading or writing objects and other data events are not in it.",
            ),
            text("p", f"Written by Tourniquet from {safe['schema'] or 'findings of an unknown shape'}."),
        ]
    )


# ---- the parts --------------------------------------------------------------------------------


def _summary(safe: Json) -> Html:
    counts = safe["counts"]
    figures = [
        ("calls", counts["events"]),
        ("refused", counts["denied"]),
        ("changes tried", counts["writes"]),
        ("credentials", counts["credentials"]),
        ("regions", counts["regions"]),
        ("source addresses", counts["sources"]),
    ]
    unknown = words.number(len(safe["unknown"]), "thing")
    to_unknown = page.tag("a", esc("what is not known"), href="#unknown")
    sentence, look = words.verdict(safe)
    return join(
        [
            *(text("p", one, class_="lead") for one in words.what_happened(safe)),
            tag("p", Html(f"{badge('Containment', look)} {esc(sentence)}")),
            tag("dl", join(_figure(name, count) for name, count in figures), class_="figures"),
            tag(
                "p",
                Html(f"{esc(unknown)} could not be seen: {to_unknown}."),
                class_="note",
            )
            if safe["unknown"]
            else NOTHING,
        ]
    )


def _figure(name: str, count: int) -> Html:
    return tag("div", Html(f"{text('dt', name)}{text('dd', f'{count:,}')}"))


def _done(safe: Json) -> Html:
    sentence, look = words.verdict(safe)
    said = text("p", sentence, class_=f"verdict {look}")
    rows = [
        [
            _cell(words.action(one)),
            _when(one["at"]),
            badge(words.result(one), {"done": "good", "already": "good", "failed": "bad"}.get(one["result"], "plain")),
            badge(words.held(one["held"]), {True: "good", False: "bad", None: "plain"}[one["held"]]),
            _cell(one["error"] or "", 300),
        ]
        for one in safe["done"]
    ]
    found = [
        [
            _cell(one["name"] or one["id"]),
            esc(one["kind"].replace("_", " ")),
            _text(_cell(one["why"], 600)),
            _word(one["region"]),
        ]
        for one in safe["found"]
    ]
    return join(
        [
            said,
            _table("What the responder did", ("Action", "At", "Result", "Held", "Error"), rows, _SMALL),
            _table(
                "What was found alive and handed to the responder",
                ("Who or what", "Kind", "Why", "Region"),
                found,
                _SMALL,
            )
            if found
            else NOTHING,
        ]
    )


def _next(safe: Json) -> Html:
    steps = safe["next_steps"]
    if not steps:
        return text("p", "The findings name no next step.")
    return tag(
        "ul", join(tag("li", _step(number, one)) for number, one in enumerate(steps[:_MOST_STEPS], 1)), class_="steps"
    )


def _step(number: int, step: str) -> Html:
    box = '<input type="checkbox">'
    return tag("label", Html(f"{box}{text('span', f'{number}. {step}')}"))


def _timeline(safe: Json) -> Html:
    entries = safe["timeline"]
    if not entries:
        return text("p", "No call was found, so there is no timeline.")
    notable = words.key_moments(safe)
    picture = pictures.timeline(safe, notable)
    figure = _figure_of(picture, "Calls of each credential over time. Numbers are the moments below.")
    told = [Html(f"{_moment(one)} {isolated(words.entry(one))}{_weight(one)}") for one in notable]
    heads = ("At", "What", "Call", "Region", "By", "From", "Calls", "Result")
    shortened = _runs(entries)
    return join(
        [
            figure,
            text("h3", "Key moments") if told else NOTHING,
            items(told, "ol", class_="moments")
            if told
            else text("p", "No call stands out: none changed anything and none is known for attacks."),
            _long(
                "Every entry, in order",
                _table(shortened, heads, (_entry(one) for one in entries), _LARGE),
                len(entries),
            ),
        ]
    )


def _runs(entries: Sequence[Json]) -> str:
    """Say how many calls a table's entries stand for."""
    calls = sum(max(one["count"], 1) for one in entries)
    rows = words.number(len(entries), "entry", "entries")
    return f"{words.number(calls, 'call')} in {rows}; a run of the same call is one"


def _entry(one: Json) -> list[Html]:
    refused = Html(f"{badge('refused', 'warn')}{_sub(one['error'])}")
    principal = one["principal"].rpartition(":")[2]
    return [
        _when(one["at"]),
        _text(f"{_cell(words.entry(one), 300)}{_weight(one)}{_sub(', '.join(one['tactics']))}"),
        Html(f"{_word(one['name'])}{_sub(one['service'].removesuffix('.amazonaws.com'))}"),
        _word(one["region"]),
        Html(f"{_word(one['by'])}{_sub(principal)}"),
        Html(f"{_word(one['address'])}{_sub(line(one['agent'], _AGENT))}"),
        _number(max(one["count"], 1)),
        badge("ok") if one["ok"] else refused,
    ]


def _credentials(safe: Json) -> Html:
    credentials = safe["credentials"]
    if not credentials:
        return text("p", "No credential was found beside what the case is about.")
    figure = _figure_of(
        pictures.lineage(safe),
        "From left to right: what was made with what. A red bar is one that still works, a green one does not.",
    )
    rows = (
        [
            Html(f"{_word(one['id'])}{_sub(one['kind'].replace('_', ' '))}"),
            Html(f"{_cell(one['name'] or one['principal'] or 'not known')}{_sub(one['name'] and one['principal'])}"),
            esc(
                f"{one['parent']}, by {one['issued_by'] or 'an unknown call'}"
                if one["parent"]
                else "the first of its kind here"
            ),
            Html(f"{_when(one['issued_at'])}{_sub('until ' + moments.said(one['expires']) if one['expires'] else '')}"),
            Html(f"{_number(one['events'])}{_sub(f'{one["denied"]:,} refused' if one['denied'] else '')}"),
            esc(words.listed([f"{name} {count:,}" for name, count in sorted(one["regions"].items(), key=_busiest)], 4)),
            badge(one["state"] or "unknown", _STATES.get(one["state"] or "unknown", "good")),
        ]
        for one in credentials
    )
    heads = ("Credential", "Of", "Made with", "Made at", "Calls", "Regions", "State")
    return join([figure, _table("Credentials of the case", heads, rows, _MIDDLE)])


def _busiest(counted: tuple[str, int]) -> tuple[int, str]:
    return (-counted[1], counted[0])


def _resources(safe: Json) -> Html:
    resources = safe["resources"]
    if not resources:
        return text("p", "No resource was found that was made, changed or removed with the credentials of the case.")
    regions: dict[str, list[Json]] = {}
    for one in resources:
        regions.setdefault(one["region"] or "no region", []).append(one)
    ordered = sorted(regions, key=lambda region: (-len(regions[region]), region))
    shown_regions, share = ordered[:_MOST_REGIONS], _LARGE // min(len(ordered), _MOST_REGIONS)
    parts = []
    for region in shown_regions:
        rows = (_resource(one) for one in regions[region])
        count = words.number(len(regions[region]), "resource")
        parts += [
            text("h3", region),
            _table(f"{count} in {region}", ("Resource", "Change", "State", "Look, or remove"), rows, share),
        ]
    rest = sum(len(regions[region]) for region in ordered[_MOST_REGIONS:])
    if rest:
        parts.append(text("p", f"{rest:,} more in other regions: {_IN_JSON}", class_="note"))
    intro = "Look at each before you remove it. What was changed is to be put back by hand; it cannot be removed."
    return join([text("p", intro), *parts])


def _resource(one: Json) -> list[Html]:
    done = "" if one["ok"] else " (tried, refused)"
    by = f"{one['event']} by {one['by'] or 'nobody known'}"
    return [
        Html(f"{_word(one['id'] or 'no id')}{_sub(one['kind'])}{_sub(one['arn'])}"),
        Html(f"{_cell(words.changed(one) + done)}{_sub(by)}{_sub(moments.said(one['at']))}"),
        Html(f"{_cell(one['state'] or 'not known')}{_sub(one['note'])}"),
        _ways(one),
    ]


def _ways(one: Json) -> Html:
    """Give the ways to look at something and to remove it."""
    parts = [page.link(one["console"], "Open in the console")] if one["console"] else []
    for key, what in (("look", "Look"), ("remove", "Remove")):
        if one[key]:
            parts.append(tag("span", Html(f"{_sub(what)}{text('code', one[key], class_='cmd')}"), class_="act"))
    return join(parts) or esc("by hand, in the console")


def _stock(safe: Json) -> Html:
    rows = (
        [
            Html(f"{_cell(one['id'] or one['name'] or 'no id')}{_sub(one['kind'])}{_sub(one['name'])}"),
            Html(f"{_word(one['region'])}{_sub(moments.said(one['at']))}"),
            _text(_cell(one["why"], 600)),
            _ways(one),
        ]
        for one in safe["stock"]
    )
    none = "Nothing else was found that is new since the case began."
    intro = "These are new or changed since the case began, and nobody is proven to have made them: they may be yours."
    if not safe["stock"]:
        return text("p", none)
    heads = ("What", "Where and when", "Why it is listed", "Look, or remove")
    return join([text("p", intro), _table("New or changed, by nobody proven", heads, rows, _MIDDLE)])


def _suspicious(safe: Json) -> Html:
    rows = (
        [
            Html(f"{_word(one['name'])}{_sub(one['service'].removesuffix('.amazonaws.com'))}"),
            Html(f"{esc(', '.join(one['tactics']) or 'none known')}{_sub(', '.join(one['techniques']))}"),
            Html(f"{_number(one['count'])}{_sub(f'{one["denied"]:,} refused' if one['denied'] else '')}"),
            _span(one),
            _text(_cell(one["why"], 600)),
        ]
        for one in safe["suspicious"]
    )
    if not safe["suspicious"]:
        return text("p", "No call was found that is known for attacks.")
    heads = ("Call", "ATT&CK tactics", "Calls", "When", "Why")
    return _table("Calls that attackers are known to make, by MITRE ATT&CK tactic", heads, rows, _MIDDLE)


def _sources(safe: Json) -> Html:
    rows = (
        [
            _word(one["address"] or "not known"),
            Html(f"{_number(one['events'])}{_sub(f'{one["denied"]:,} refused' if one['denied'] else '')}"),
            _span(one),
            _cell(words.listed([agent for agent in one["agents"] if agent], 3) or "none given", 420),
        ]
        for one in safe["sources"]
    )
    if not safe["sources"]:
        return text("p", "No source address was found.")
    return _table(
        "Source addresses and what the callers said they were", ("Address", "Calls", "When", "Agents"), rows, _MIDDLE
    )


def _denied(safe: Json) -> Html:
    rows = ([_cell(one["name"]), _cell(one["code"]), _number(one["count"])] for one in safe["errors"])
    if not safe["errors"]:
        return text("p", "No call was refused, as far as could be seen.")
    intro = "What was refused says what was tried. Refusals after the containment show it at work."
    return join([text("p", intro), _table("Calls that were refused", ("Call", "Error", "Calls"), rows, _SMALL)])


def _logging(safe: Json) -> Html:
    if not safe["logging"]:
        return text("p", "No call that changes logging was found.")
    worked = any(one["ok"] for one in safe["logging"])
    sentence = (
        "Logging was changed: what happened afterwards may be missing here."
        if worked
        else "Somebody tried to change logging and was refused."
    )
    rows = (
        [
            _when(one["at"]),
            _cell(one["name"]),
            _word(one["region"]),
            _text(_cell(one["what"], 600)),
            badge("worked", "bad") if one["ok"] else badge("refused", "good"),
        ]
        for one in safe["logging"]
    )
    said = text("p", sentence, class_=f"verdict {'bad' if worked else 'warn'}")
    return join([said, _table("Calls that change logging", ("At", "Call", "Region", "What", "Result"), rows, _SMALL)])


def _principals(safe: Json) -> Html:
    rows = (
        [
            Html(f"{_cell(one['name'] or one['arn'] or 'not known')}{_sub(one['kind'])}"),
            _when(one["made_at"]),
            esc(_protected(one)),
            esc(
                words.listed([f"{use['service']} {moments.day(use['at'])}" for use in one["last_used"]], 5)
                or "not known"
            ),
        ]
        for one in safe["principals"]
    )
    if not safe["principals"]:
        return text("p", "No user or role was read.")
    return _table("Users and roles of the case", ("Who", "Made at", "Ways in", "Services used last"), rows, _MIDDLE)


def _protected(one: Json) -> str:
    """Say what ways in a principal has."""
    if one["kind"] == "role":
        return "whoever may assume it"
    ways = [words.number(one["keys"], "access key")]
    ways.append({True: "a password", False: "no password", None: "a password is not known of"}[one["password"]])
    ways.append({True: "with MFA", False: "no MFA", None: "MFA is not known of"}[one["mfa"]])
    return ", ".join(ways)


def _cost(safe: Json) -> Html:
    cost = safe["cost"]
    if cost is None:
        return text("p", "What it cost could not be seen.")
    currency = cost["currency"] or "(no currency given)"
    days, services = cost["days"], cost["services"]
    since = f" since {moments.day(cost['since'])}" if cost["since"] else ""
    whole = sum(one["amount"] for one in days)
    said = f"{whole:,.2f} {currency}{since}, for the whole account; charges are complete about a day later."
    if not days and not services:
        return text("p", f"No charge was found{since}; charges are complete about a day later.")
    parts = [text("p", said)]
    if days:
        rows = ([esc(moments.day(one["day"])), _money(one["amount"])] for one in days)
        parts.append(_table("Cost of each day", ("Day", f"Cost ({currency})"), rows, _SMALL))
    if services:
        rows = ([_cell(one["name"]), _money(one["amount"])] for one in services)
        parts.append(_table("Cost of each service", ("Service", f"Cost ({currency})"), rows, _SMALL))
    return join(parts)


def _posture(safe: Json) -> Html:
    if not safe["posture"]:
        return text("p", "How well the account is protected was not looked at.")
    rows = (
        [
            _text(_cell(one["check"], 600)),
            {True: badge("yes", "good"), False: badge("no", "bad"), None: badge("not known", "plain")}[one["ok"]],
            _text(f"{_cell(one['detail'], 600)}{_sub(one['next'])}"),
        ]
        for one in safe["posture"]
    )
    return _table("Checks of the account", ("Check", "Is it so", "Detail, and what to do"), rows, _SMALL)


def _unknown(safe: Json) -> Html:
    if not safe["unknown"]:
        return text(
            "p", "The findings name nothing that could not be seen. What CloudTrail does not record stays unknown."
        )
    return items([isolated(one) for one in safe["unknown"][:_MOST_STEPS]], class_="plain")


# ---- small things -----------------------------------------------------------------------------


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Html]], most: int) -> Html:
    made = list(rows)
    return table(caption, heads, made, most=most, left=_IN_JSON) if made else NOTHING


def _long(summary: str, content: Html, count: int) -> Html:
    """Fold what is long; a short table stands open."""
    return page.folded(f"{summary} ({count:,})", content) if count > _LONG_TABLE else content


def _figure_of(picture: Html, caption: str) -> Html:
    if not picture:
        return NOTHING
    wide = tag("div", picture, class_="wide", role="group", aria_label=caption, tabindex="0")
    return tag("figure", Html(f"{wide}{text('figcaption', caption)}"))


def _when(at: str) -> Html:
    return text("span", moments.said(at), class_="n") if at else esc("not known")


def _moment(one: Json) -> Html:
    return text("strong", moments.said(one["at"]) or "at an unknown time", class_="n")


def _span(one: Json) -> Html:
    first, last = one["first"], one["last"]
    return Html(f"{_when(first)}{_sub('to ' + moments.said(last) if last and last != first else '')}")


def _number(count: int) -> Html:
    return text("span", f"{count:,}", class_="n")


def _money(amount: float) -> Html:
    return text("span", f"{amount:,.2f}", class_="n")


def _weight(one: Json) -> Html:
    if one["weight"] >= _SERIOUS:
        return Html(f" {badge('serious', 'bad')}")
    return Html(f" {badge('worth a look', 'warn')}") if one["weight"] >= _NOTABLE else NOTHING


def _sub(words_: str) -> Html:
    return tag("span", isolated(cell(words_, 600)), class_="sub") if words_ else NOTHING


def _word(content: str) -> Html:
    """Make a cell of one word, such as a region: a short one is not broken."""
    return tag("span", _cell(content), class_="n" if len(content) <= _SHORT else None)


def _text(content: str) -> Html:
    """Make room for a sentence in a cell."""
    return tag("span", Html(content), class_="t")


def _cell(content: str, limit: int = 200) -> Html:
    """Make the text of a table's cell: a spreadsheet that it is pasted into computes nothing."""
    return isolated(cell(content, limit))
