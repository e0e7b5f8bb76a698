"""One HTML page that stands alone: its parts as text, its look, and the policy that holds it to loading nothing.

Every function takes plain text and escapes it, or takes what another of these functions made (``Html``).

May touch: nothing.
Never: writes plain text into a page without escaping it, or a page that loads, runs or sends anything.
"""

from __future__ import annotations

import base64
import hashlib
import html
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: A piece of a page: all text in it is escaped.
Html = NewType("Html", str)

NOTHING = Html("")


def esc(text: object) -> Html:
    """Escape text for a page, for an element's content and for an attribute in quotes."""
    return Html(html.escape(str(text), quote=True))


def join(parts: Iterable[Html], between: str = "") -> Html:
    """Put pieces one after the other."""
    return Html(between.join(parts))


def tag(name: str, content: Html = NOTHING, **attributes: object) -> Html:
    """Make an element.

    ``class_`` is ``class``, an underscore within a name is a hyphen, an attribute that is None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"' for key, value in attributes.items() if value is not None
    )
    return Html(f"<{name}{given}>{content}</{name}>")


def text(name: str, content: object, **attributes: object) -> Html:
    """Make an element that holds plain text."""
    return tag(name, esc(content), **attributes)


def isolated(content: object) -> Html:
    """Make text whose direction of writing changes nothing around it."""
    return text("bdi", content) if content else NOTHING


def items(entries: Iterable[Html], name: str = "ul", **attributes: object) -> Html:
    """Make a list."""
    return tag(name, join(tag("li", entry) for entry in entries), **attributes)


def table[T](
    caption: str, heads: Sequence[str], things: Sequence[T], cells: Callable[[T], Sequence[Html]], most: int
) -> Html:
    """Make a table that scrolls by itself on a narrow screen: one row of ``cells`` for each of ``things``.

    The first column heads its row. ``most`` is how many bytes the rows may have together; the rest is only counted. A
    page has one table of a caption. Gives nothing where there are no things.
    """
    if not things:
        return NOTHING
    shown = list(_rows(things, cells, most))
    head = tag("thead", tag("tr", join(text("th", one, scope="col") for one in heads)))
    name = f"t-{hashlib.sha256(caption.encode()).hexdigest()[:10]}"
    whole = tag("table", Html(f"{text('caption', caption, id=name)}{head}{tag('tbody', join(shown))}"))
    rest = len(things) - len(shown)
    more = text("p", f"{rest:,} more: not shown on this page.", class_="note") if rest else NOTHING
    return Html(f"{tag('div', whole, class_='wide', role='region', aria_labelledby=name, tabindex='0')}{more}")


def _rows[T](things: Sequence[T], cells: Callable[[T], Sequence[Html]], most: int) -> Iterator[Html]:
    """Make rows as long as there is room; the first always."""
    size = 0
    for number, thing in enumerate(things):
        row = _row(cells(thing))
        size += len(row.encode())
        if number and size > most:
            return
        yield row


def _row(cells: Sequence[Html]) -> Html:
    first, *rest = cells
    return tag("tr", Html(f"{tag('th', first, scope='row')}{join(tag('td', cell) for cell in rest)}"))


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Make a list of names with their values."""
    return tag(
        "dl", join(tag("div", Html(f"{text('dt', name)}{text('dd', value)}")) for name, value in pairs), class_="facts"
    )


def folded(summary: str, content: Html) -> Html:
    """Make a part that opens when it is asked to, and is open on paper."""
    return tag("details", Html(f"{text('summary', summary)}{content}"))


def badge(word: str, kind: str = "plain") -> Html:
    """Make a word that stands out; ``kind`` is good, warn, bad or plain."""
    return text("span", word, class_=f"badge {kind}")


def link(address: str, words: str) -> Html:
    """Make a link to an address that was found good; plain words where there is none."""
    if not address:
        return esc(words)
    return tag("a", esc(words), href=address, rel="noopener noreferrer", target="_blank")


def document(*, title: str, header: Html, nav: Html, main: Html, footer: Html) -> str:
    """Put a page together."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{esc(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        '<meta name="robots" content="noindex">\n<meta name="format-detection" content="telephone=no">\n'
        f"{text('title', title)}\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{text('a', 'To the report', href='#report', class_='skip')}\n"
        f"{tag('header', header)}\n{nav}\n{tag('main', main, id='report', tabindex='-1')}\n{tag('footer', footer)}\n"
        "</body>\n</html>\n"
    )


_STYLE = """
:root{--ink:#1a2432;--soft:#566173;--line:#d9dee6;--page:#fff;--tint:#f4f6f9;--link:#0a56a5;
--good:#1b6a3d;--good-tint:#e8f4ec;--warn:#855000;--warn-tint:#fdf2dc;--bad:#a61c1c;--bad-tint:#fcebea;
--bar:#7b8aa0;--warn-bar:#c98512;--bad-bar:#c62f2f}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9f0;--soft:#a5b0c0;--line:#364152;--page:#141a22;--tint:#1d2530;
--link:#7fb8f2;--good:#7fd3a1;--good-tint:#173524;--warn:#f0c070;--warn-tint:#3a2c10;--bad:#ff9d96;--bad-tint:#421c1b;
--bar:#8595ab;--warn-bar:#e0a238;--bad-bar:#f0625c}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,"Noto Sans",sans-serif}
header,main,nav,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
main:focus{outline:none}
h1{font-size:1.75rem;line-height:1.25;margin:.2rem 0 .8rem;font-weight:650;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;margin:0 0 .7rem;font-weight:650}
h3{font-size:1rem;margin:1.6rem 0 .5rem;font-weight:650}
p{margin:.5rem 0;max-width:46rem;overflow-wrap:anywhere}
section{padding:1.7rem 0 1.4rem;border-top:1px solid var(--line)}
section:first-child{border-top:0}
a{color:var(--link);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,.wide:focus-visible,input:focus-visible{outline:2px solid var(--link);
outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--page);padding:.4rem .7rem}
.over{color:var(--soft);font-size:.85rem;font-weight:600;margin:0}
.note,figcaption{color:var(--soft);font-size:.875rem}
.lead{font-size:1.0625rem}
.badge{display:inline-block;border-radius:.25rem;padding:.05rem .45rem;font-size:.8125rem;font-weight:600;
background:var(--tint);color:var(--ink);white-space:nowrap}
.good{background:var(--good-tint);color:var(--good)}.warn{background:var(--warn-tint);color:var(--warn)}
.bad{background:var(--bad-tint);color:var(--bad)}
dl.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:.5rem 1.5rem;margin:1rem 0 1.5rem;
font-size:.9375rem}
dl.facts div,dl.figures div{min-width:0}
dt{color:var(--soft);font-size:.8125rem}
dd{margin:0;overflow-wrap:anywhere}
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(7.5rem,1fr));gap:1px;background:var(--line);
border:1px solid var(--line);border-radius:.4rem;overflow:hidden;margin:1.2rem 0 0}
dl.figures div{background:var(--page);padding:.7rem .9rem;display:flex;flex-direction:column-reverse;
justify-content:flex-end}
dl.figures dd{font-size:1.375rem;font-weight:650;line-height:1.2;font-variant-numeric:tabular-nums}
.verdict{border-left:4px solid var(--line);background:var(--tint);padding:.7rem 1rem;margin:0 0 1rem;max-width:none}
.verdict.good{border-color:var(--good);background:var(--good-tint);color:var(--ink)}
.verdict.warn{border-color:var(--warn);background:var(--warn-tint);color:var(--ink)}
.verdict.bad{border-color:var(--bad);background:var(--bad-tint);color:var(--ink)}
nav ol{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0;padding:.7rem 0;font-size:.875rem;
border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
nav a{text-decoration:none}nav a:hover{text-decoration:underline}
.wide{overflow-x:auto;margin:.8rem 0;border:1px solid var(--line);border-radius:.4rem;-webkit-overflow-scrolling:touch}
table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.45}
caption{text-align:left;padding:.55rem .75rem;color:var(--soft);font-size:.8125rem}
th,td{text-align:left;vertical-align:top;padding:.5rem .75rem;border-top:1px solid var(--line);min-width:7.5rem;
overflow-wrap:anywhere;font-weight:400}
td:has(>.n:only-child),td:has(>.badge:only-child){min-width:0}
thead th{background:var(--tint);color:var(--soft);font-size:.8125rem;font-weight:600;white-space:nowrap}
tbody th{font-weight:600}
.n{font-variant-numeric:tabular-nums;white-space:nowrap}.t{display:block;min-width:13rem}
.sub{display:block;color:var(--soft);font-size:.8125rem;font-weight:400}


.act{display:grid;grid-template-columns:4.2rem minmax(0,1fr);gap:.1rem .4rem;align-items:baseline;
margin-top:.2rem;min-width:24rem}
code{font:.8125rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere;
unicode-bidi:isolate}
code.cmd{display:block;background:var(--tint);border-radius:.25rem;padding:.3rem .5rem;margin:.15rem 0;
user-select:all;-webkit-user-select:all}
figure{margin:1rem 0}
svg.picture{display:block;margin:.4rem}
svg text{font-family:inherit;fill:var(--ink);font-size:12px}
svg .soft{fill:var(--soft);font-size:11px}svg .strong{font-weight:600}
svg .axis{stroke:var(--line);stroke-width:1;fill:none}svg .edge{stroke:var(--bar);stroke-width:1.2;fill:none}
svg .box{fill:var(--page);stroke:var(--line);stroke-width:1}svg .band{fill:var(--tint)}
svg .b0,svg .b1{fill:var(--bar)}svg .b2{fill:var(--warn-bar)}svg .b3{fill:var(--bad-bar)}svg .done{fill:var(--good)}
svg .no{fill:var(--page);stroke:var(--bar);stroke-width:1.3}
svg .cut{stroke:var(--good);stroke-width:1.5;stroke-dasharray:4 3}
svg .mark{fill:var(--ink)}svg .on{fill:var(--page);font-size:10px;font-weight:600}
ol.moments{padding-left:2rem;margin:.6rem 0}ol.moments li{margin:.35rem 0;max-width:50rem;overflow-wrap:anywhere}
ul.steps{list-style:none;padding:0;margin:.5rem 0}
ul.steps li{padding:.5rem 0;border-bottom:1px solid var(--line);max-width:50rem}
ul.steps label{display:flex;gap:.7rem;align-items:flex-start;overflow-wrap:anywhere;min-width:0}
ul.steps input{margin:.3rem 0 0;flex:none;width:1.05rem;height:1.05rem}
ul.steps span{min-width:0}
ul.plain{padding-left:1.2rem}ul.plain li{margin:.3rem 0;max-width:50rem;overflow-wrap:anywhere}
details{margin:.8rem 0}summary{cursor:pointer;color:var(--link);padding:.3rem 0}
footer{color:var(--soft);font-size:.8125rem;padding-top:1rem;padding-bottom:3rem;border-top:1px solid var(--line)}
@media (max-width:40rem){header{padding-top:1.4rem}h1{font-size:1.375rem}dl.figures{grid-template-columns:1fr 1fr}
dl.facts{grid-template-columns:1fr}nav ol{gap:.45rem 1rem}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--tint:#f3f3f3;--link:#000;--good:#1b6a3d;
--good-tint:#fff;--warn:#855000;--warn-tint:#fff;--bad:#a61c1c;--bad-tint:#fff;--bar:#777;--warn-bar:#c98512;
--bad-bar:#c62f2f}@page{margin:16mm 14mm}html{font-size:12px}th,td{min-width:0;padding:.3rem .45rem}
.badge{padding:0 .3rem}.wide{margin:.4rem 0}header,main,footer{max-width:none;padding:0}
nav,.skip{display:none}header{padding-top:0}.wide{overflow:visible;border:0}svg.picture{max-width:100%;height:auto}
thead{display:table-header-group}tr,figure,.verdict,ul.steps li{break-inside:avoid}
h2,h3{break-after:avoid}details::details-content{content-visibility:visible;block-size:auto}summary{list-style:none}
code.cmd{border:1px solid #ccc}.act,.t{min-width:0}.badge{border:1px solid currentColor}section{padding:1rem 0}}
"""
