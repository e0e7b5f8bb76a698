"""The chapters of the report as pieces of a page: each says in words what was found, or that nothing was.

All functions take findings that ``shown`` has made safe, and give what stands below the chapter's heading.

May touch: nothing.
Never: grows with what an attacker did: each table has a number of bytes, and says how many rows it left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.investigation import moments, page, pictures, words
from lambdas.investigation.page import NOTHING, Html, badge, esc, isolated, items, join, table, tag, text
from lambdas.text import cell, line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambdas.investigation.shown import Json

_STATES = {"active": "bad", "unknown": "warn"} | dict.fromkeys(words.ENDED, "good")
_RESULTS = {"done": "good", "already": "good", "failed": "bad"}
#: How many bytes the rows of a table may have; together they keep the page below 2 MB.
_LARGE, _MIDDLE, _SMALL = 280_000, 100_000, 40_000
_MOST_REGIONS, _MOST_STEPS, _MOST_ENTRIES, _SERIOUS, _NOTABLE = 40, 60, 500, 3, 2
_LONG_TABLE, _SHORT, _AGENT = 40, 32, 24


# ---- what a reader needs first ----------------------------------------------------------------


def summary(safe: Json) -> Html:
    """Write what happened in three sentences, whether it is contained, and the figures."""
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
    parts = [
        *(text("p", one, class_="lead") for one in words.what_happened(safe)),
        tag("p", Html(f"{badge('Containment', look)} {esc(sentence)}")),
        tag("dl", join(_figure(name, count) for name, count in figures), class_="figures"),
    ]
    if safe["unknown"]:
        parts.append(tag("p", Html(f"{esc(unknown)} could not be seen: {to_unknown}."), class_="note"))
    return join(parts)


def _figure(name: str, count: int) -> Html:
    return tag("div", Html(f"{text('dt', name)}{text('dd', f'{count:,}')}"))


def done(safe: Json) -> Html:
    """Write what the responder did, whether it held, and what the investigation handed to it."""
    sentence, look = words.verdict(safe)
    return join(
        [
            text("p", sentence, class_=f"verdict {look}"),
            table("What the responder did", ("Action", "At", "Result", "Held", "Error"), safe["done"], _act, _SMALL),
            table(
                "What was found alive, for the responder", ("Who or what", "Kind", "Why"), safe["found"], _find, _SMALL
            ),
        ]
    )


def _act(one: Json) -> list[Html]:
    return [
        _cell(words.action(one)),
        _when(one["at"]),
        badge(cell(words.result(one), 40), _RESULTS.get(one["result"], "plain")),
        badge(words.held(one["held"]), {True: "good", False: "bad", None: "plain"}[one["held"]]),
        _cell(one["error"], 300),
    ]


def _find(one: Json) -> list[Html]:
    where = ", ".join(part for part in (one["account"] and f"account {one['account']}", one["region"]) if part)
    return [_cell(one["name"] or one["id"]), Html(f"{_cell(_spaced(one['kind']))}{_sub(where)}"), _why(one)]


def next_steps(safe: Json) -> Html:
    """Write the next steps as a list to tick off, on the screen or on paper."""
    steps = safe["next_steps"]
    if not steps:
        return text("p", "The findings name no next step.")
    made = (tag("li", _step(number, one)) for number, one in enumerate(steps[:_MOST_STEPS], 1))
    return Html(f"{tag('ul', join(made), class_='steps')}{_left_out(steps)}")


def _left_out(sentences: Sequence[str]) -> Html:
    rest = len(sentences) - _MOST_STEPS
    return text("p", f"{rest:,} more: not shown on this page.", class_="note") if rest > 0 else NOTHING


def _step(number: int, step: str) -> Html:
    return tag("label", Html(f'<input type="checkbox">{text("span", f"{number}. {step}")}'))


def unknown(safe: Json) -> Html:
    """Write what could not be seen."""
    if not safe["unknown"]:
        nothing = "The findings name nothing that could not be seen. What CloudTrail does not record stays unknown."
        return text("p", nothing)
    told = items([isolated(one) for one in safe["unknown"][:_MOST_STEPS]], class_="plain")
    return Html(f"{told}{_left_out(safe['unknown'])}")


# ---- what was called, and with what -----------------------------------------------------------


def timeline(safe: Json) -> Html:
    """Write what happened when: a picture, the moments that matter, what was called how often, and the entries."""
    entries = safe["timeline"]
    if not entries:
        return text("p", "No call was found, so there is no timeline.")
    notable = words.key_moments(safe)
    told = [Html(f"{_moment(one)} {_word(one['name'])}: {isolated(words.entry(one))}{_weight(one)}") for one in notable]
    nothing = text("p", "No call stands out: none changed anything and none is known for attacks.")
    return join(
        [
            _pictured(
                pictures.timeline(safe, notable), "Calls of each credential over time. Numbers are the moments below."
            ),
            text("h3", "Key moments") if told else NOTHING,
            items(told, "ol", class_="moments") if told else nothing,
            _entries(entries),
        ]
    )


def _entries(entries: Sequence[Json]) -> Html:
    """Write the entries: all of a short timeline; of a long one what was called how often, and the heaviest."""
    heads = ("At", "What", "Call", "Region", "By", "From", "Calls")
    calls = words.number(sum(max(one["count"], 1) for one in entries), "call")
    rows = words.number(len(entries), "entry", "entries")
    if len(entries) <= _LONG_TABLE:
        return table(f"{calls} in {rows}; a run of the same call is one", heads, entries, _entry, _LARGE)
    kept = words.heaviest(entries, _MOST_ENTRIES)
    caption = (
        f"{calls} in {rows}" if len(kept) == len(entries) else f"The heaviest {len(kept)} of {rows}, in their order"
    )
    named = words.by_name(entries)
    return join(
        [
            table("What was called how often", ("Call", "Calls", "Refused", "When"), named, _named, _SMALL),
            _foldable(caption, table(caption, heads, kept, _entry, _LARGE), len(kept)),
        ]
    )


def _named(one: Json) -> list[Html]:
    return [
        Html(f"{_word(one['name'])}{_weight(one)}{_sub(_service(one))}"),
        _number(one["count"]),
        _number(one["denied"]),
        _span(one),
    ]


def _entry(one: Json) -> list[Html]:
    refused = NOTHING if one["ok"] else Html(f" {badge('refused', 'warn')}{_sub(one['error'])}")
    principal = one["principal"].rpartition(":")[2]
    return [
        _when(one["at"]),
        _text(f"{_cell(words.entry(one), 300)}{_weight(one)}{_sub(', '.join(one['tactics']))}"),
        Html(f"{_word(one['name'])}{_sub(_service(one))}"),
        _word(one["region"]),
        Html(f"{_word(one['by'])}{_sub(principal)}"),
        Html(f"{_word(one['address'])}{_sub(line(one['agent'], _AGENT))}"),
        Html(f"{_number(max(one['count'], 1))}{refused}"),
    ]


def credentials(safe: Json) -> Html:
    """Write which credential was made with which, as a picture and as a table."""
    if not safe["credentials"]:
        return text("p", "No credential was found beside what the case is about.")
    caption = "From left to right: what was made with what. A red bar is one that still works, a green one does not."
    heads = ("Credential", "Of", "Made with", "Made at", "Calls", "Regions", "State")
    return join(
        [
            _pictured(pictures.lineage(safe), caption),
            _foldable(
                "Credentials of the case",
                table("Credentials of the case", heads, safe["credentials"], _credential, _MIDDLE),
                len(safe["credentials"]),
            ),
        ]
    )


def _credential(one: Json) -> list[Html]:
    made = f"{one['parent']}, by {one['issued_by'] or 'an unknown call'}" if one["parent"] else "none of the others"
    regions = [f"{name} {count:,}" for name, count in sorted(one["regions"].items(), key=_busiest)]
    state = one["state"] or "unknown"
    return [
        Html(f"{_word(one['id'])}{_sub(_spaced(one['kind']))}"),
        Html(f"{_cell(one['name'] or one['principal'])}{_sub(one['name'] and one['principal'])}"),
        _cell(made),
        Html(f"{_when(one['issued_at'])}{_sub(one['expires'] and f'until {moments.said(one["expires"])}')}"),
        _calls(one["events"], one["denied"]),
        _cell(words.listed(regions)),
        badge(cell(state, 24), _STATES.get(state, "plain")),
    ]


def _busiest(counted: tuple[str, int]) -> tuple[int, str]:
    return (-counted[1], counted[0])


def suspicious(safe: Json) -> Html:
    """Write the calls that attackers are known to make."""
    if not safe["suspicious"]:
        return text("p", "No call was found that is known for attacks.")
    caption = "Calls that attackers are known to make, by MITRE ATT&CK tactic"
    heads = ("Call", "ATT&CK tactics", "Calls", "When", "Why")
    return table(caption, heads, safe["suspicious"], _suspect, _MIDDLE)


def _suspect(one: Json) -> list[Html]:
    return [
        Html(f"{_word(one['name'])}{_sub(_service(one))}"),
        Html(f"{_cell(', '.join(one['tactics']))}{_sub(', '.join(one['techniques']))}"),
        _calls(one["count"], one["denied"]),
        _span(one),
        _why(one),
    ]


def sources(safe: Json) -> Html:
    """Write where the calls came from."""
    if not safe["sources"]:
        return text("p", "No source address was found.")
    caption = "Source addresses, and what the callers said they were"
    rows = table(caption, ("Address", "Calls", "When", "Agents"), safe["sources"], _source, _MIDDLE)
    return _foldable(caption, rows, len(safe["sources"]))


def _source(one: Json) -> list[Html]:
    agents = words.listed([agent for agent in one["agents"] if agent], 3)
    return [_word(one["address"]), _calls(one["events"], one["denied"]), _span(one), _cell(agents, 420)]


def denied(safe: Json) -> Html:
    """Write what was refused."""
    if not safe["errors"]:
        return text("p", "No call was refused, as far as could be seen.")
    intro = "What was refused says what was tried. Refusals after the containment show it at work."
    rows = table("Calls that were refused", ("Call", "Error", "Calls"), safe["errors"], _error, _SMALL)
    return join([text("p", intro), rows])


def _error(one: Json) -> list[Html]:
    return [_cell(one["name"]), _cell(one["code"]), _number(one["count"])]


def logging(safe: Json) -> Html:
    """Write whether anybody changed what is logged, or tried to."""
    if not safe["logging"]:
        return text("p", "No call that changes logging was found.")
    tried = text("p", "Somebody tried to change logging and was refused.", class_="verdict warn")
    changed = text("p", "Logging was changed: what happened afterwards may be missing here.", class_="verdict bad")
    said = changed if any(one["ok"] for one in safe["logging"]) else tried
    heads = ("At", "Call", "Region", "What", "Result")
    return join([said, table("Calls that change logging", heads, safe["logging"], _logged, _SMALL)])


def _logged(one: Json) -> list[Html]:
    return [
        _when(one["at"]),
        _cell(one["name"]),
        _word(one["region"]),
        _text(_cell(one["what"], 600)),
        badge("worked", "bad") if one["ok"] else badge("refused", "good"),
    ]


# ---- what is left in the account --------------------------------------------------------------


def resources(safe: Json) -> Html:
    """Write what was made, changed or removed, region by region, with how to look at it and how to remove it."""
    if not safe["resources"]:
        return text("p", "No resource was found that was made, changed or removed with the credentials of the case.")
    regions: dict[str, list[Json]] = {}
    for one in safe["resources"]:
        regions.setdefault(one["region"] or "no region", []).append(one)
    ordered = sorted(regions, key=lambda region: (-len(regions[region]), region))
    share = _LARGE // min(len(ordered), _MOST_REGIONS)
    parts = [text("p", "Look at each before you remove it. What was changed cannot be removed: put it back by hand.")]
    for region in ordered[:_MOST_REGIONS]:
        caption = f"{words.number(len(regions[region]), 'resource')} in {region}"
        heads = ("Resource", "Change", "State", "Look, or remove")
        rows = table(caption, heads, regions[region], _resource, share)
        parts += [text("h3", region), _foldable(caption, rows, len(regions[region]))]
    if rest := sum(len(regions[region]) for region in ordered[_MOST_REGIONS:]):
        parts.append(text("p", f"{rest:,} more in other regions: not shown on this page.", class_="note"))
    return join(parts)


def _resource(one: Json) -> list[Html]:
    tried = "" if one["ok"] else " (tried, refused)"
    by = f"{one['event']} by {one['by'] or 'nobody known'}"
    return [
        Html(f"{_word(one['id'])}{_sub(one['kind'])}{_sub(one['arn'])}"),
        Html(f"{_cell(words.changed(one) + tried)}{_sub(by)}{_sub(moments.said(one['at']))}"),
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


def stock(safe: Json) -> Html:
    """Write what is new in the account beside that, by nobody proven."""
    if not safe["stock"]:
        return text("p", "Nothing else was found that is new since the case began.")
    intro = "These are new or changed since the case began, and nobody is proven to have made them: they may be yours."
    heads = ("What", "Where and when", "Why it is listed", "Look, or remove")
    return join([text("p", intro), table("New or changed, by nobody proven", heads, safe["stock"], _new, _MIDDLE)])


def _new(one: Json) -> list[Html]:
    name = one["name"] if one["name"] != one["id"] else ""
    return [
        Html(f"{_word(one['id'] or name)}{_sub(one['kind'])}{_sub(one['id'] and name)}"),
        Html(f"{_word(one['region'])}{_sub(moments.said(one['at']))}"),
        _why(one),
        _ways(one),
    ]


def principals(safe: Json) -> Html:
    """Write who the users and roles of the case are, and how one gets in as them."""
    if not safe["principals"]:
        return text("p", "No user or role was read.")
    heads = ("Who", "Made at", "Ways in", "Services used last")
    return table("Users and roles of the case", heads, safe["principals"], _principal, _MIDDLE)


def _principal(one: Json) -> list[Html]:
    used = [f"{use['service']} {moments.day(use['at'])}" for use in one["last_used"]]
    return [
        Html(f"{_cell(one['name'] or one['arn'])}{_sub(one['kind'])}"),
        _when(one["made_at"]),
        _cell(_ways_in(one)),
        _cell(words.listed(used, 5) or "not known"),
    ]


def _ways_in(one: Json) -> str:
    if one["kind"] == "role":
        return "whoever may assume it"
    password = {True: "a password", False: "no password", None: "password not known"}[one["password"]]
    mfa = {True: "MFA", False: "no MFA", None: "MFA not known"}[one["mfa"]]
    return f"{words.number(one['keys'], 'access key')}, {password}, {mfa}"


def cost(safe: Json) -> Html:
    """Write what the account cost, by day and by service."""
    seen = safe["cost"]
    if seen is None:
        return text("p", "What it cost could not be seen.")
    since = f" since {moments.day(seen['since'])}" if seen["since"] else ""
    if not seen["days"] and not seen["services"]:
        return text("p", f"No charge was found{since}; charges are complete about a day later.")
    whole = sum(one["amount"] for one in seen["days"] or seen["services"])
    currency = seen["currency"] or "(no currency given)"
    said = f"{whole:,.2f} {currency}{since}, for the whole account; charges are complete about a day later."
    money = f"Cost ({currency})"
    return join(
        [
            text("p", said),
            table("Cost of each day", ("Day", money), seen["days"], _day, _SMALL),
            table("Cost of each service", ("Service", money), seen["services"], _cost, _SMALL),
        ]
    )


def _day(one: Json) -> list[Html]:
    return [_word(moments.day(one["day"])), _money(one["amount"])]


def _cost(one: Json) -> list[Html]:
    return [_cell(one["name"]), _money(one["amount"])]


def posture(safe: Json) -> Html:
    """Write how well the account is protected."""
    if not safe["posture"]:
        return text("p", "How well the account is protected was not looked at.")
    heads = ("Check", "Is it so", "Detail, and what to do")
    return table("Checks of the account", heads, safe["posture"], _check, _SMALL)


def _check(one: Json) -> list[Html]:
    so = {True: badge("yes", "good"), False: badge("no", "bad"), None: badge("not known")}[one["ok"]]
    return [_text(_cell(one["check"], 600)), so, _text(f"{_cell(one['detail'], 600)}{_sub(one['next'])}")]


# ---- what cells are made of -------------------------------------------------------------------


def _pictured(picture: Html, caption: str) -> Html:
    """Put a picture into a frame that scrolls on a narrow screen."""
    if not picture:
        return NOTHING
    wide = tag("div", picture, class_="wide", role="group", aria_label=caption, tabindex="0")
    return tag("figure", Html(f"{wide}{text('figcaption', caption)}"))


def _foldable(caption: str, rows: Html, count: int) -> Html:
    """Fold a long table; a short one stands open."""
    return page.folded(f"{caption}: open", rows) if count > _LONG_TABLE else rows


def _cell(content: object, limit: int = 200) -> Html:
    """Make the text of a cell, a dash where there is none; a spreadsheet that it is pasted into computes nothing."""
    return isolated(cell(content, limit)) if content else text("span", "\N{EN DASH}")


def _sub(content: str) -> Html:
    """Make a second, smaller line of a cell, or nothing."""
    return tag("span", _cell(content, 600), class_="sub") if content else NOTHING


def _word(content: str) -> Html:
    """Make a cell of one word, such as a region: a short one is not broken."""
    return tag("span", _cell(content), class_="n" if len(content) <= _SHORT else None)


def _text(content: str) -> Html:
    """Make room for a sentence in a cell."""
    return tag("span", Html(content), class_="t")


def _why(one: Json) -> Html:
    return _text(_cell(one["why"], 600))


def _when(at: str) -> Html:
    return tag("span", _cell(moments.said(at)), class_="n") if at else esc("not known")


def _moment(one: Json) -> Html:
    return text("strong", moments.said(one["at"]) or "at an unknown time", class_="n")


def _span(one: Json) -> Html:
    first, last = one["first"], one["last"]
    return Html(f"{_when(first)}{_sub(f'to {moments.said(last)}' if last != first else '')}")


def _number(count: int) -> Html:
    return text("span", f"{count:,}", class_="n")


def _calls(count: int, refused: int) -> Html:
    return Html(f"{_number(count)}{_sub(f'{refused:,} refused' if refused else '')}")


def _money(amount: float) -> Html:
    return text("span", f"{amount:,.2f}", class_="n")


def _weight(one: Json) -> Html:
    if one["weight"] >= _SERIOUS:
        return Html(f" {badge('serious', 'bad')}")
    return Html(f" {badge('worth a look', 'warn')}") if one["weight"] >= _NOTABLE else NOTHING


def _service(one: Json) -> str:
    return str(one["service"]).removesuffix(".amazonaws.com")


def _spaced(word: str) -> str:
    return word.replace("_", " ")
