"""How an investigation goes from round to round, so that what travels through the workflow stays small.

Everything that grows lies in the evidence bucket, in the look's folder ``incidents/<id>/investigation/<look>``
(``<look>-<time>`` where an earlier execution looked at the same case). The workflow carries that folder, the number of
the round, how many look-ups it has, and the regions.

1. ``open_look`` writes ``rounds/1.json``: of whom, since and until when, and what is looked up first.
2. ``look_up``, one function per region, side by side: the look-ups of the round in its region, for as long as the
   function may work. It is called again until it says ``done``. A region that fails is caught by the workflow, and
   named in the report: the others go on.
3. ``follow`` reads all parts once and writes ``rounds/<n + 1>.json`` with the look-ups that the records ask for: of
   credentials that were issued, of users, roles and instances that were made. As long as there are any, and the rounds
   are not too many, go to 2.
4. ``tell`` reads everything twice and gives the findings, for others to render and to keep.

Each function can be killed and called again with the same input: what is written is never written again. CloudTrail
lags some minutes, so the second look is the same again, in a folder of its own.

May touch: nothing by itself; cloudtrail:LookupEvents through lookback, the evidence bucket through parts.
Never: gives the workflow a list that grows; follows more than it says that it follows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambdas import errors
from lambdas.investigation import records as reading
from lambdas.investigation.findings import Story, findings
from lambdas.investigation.lineage import Lineage, Subject, Tree, first_lookups, next_lookups
from lambdas.investigation.lookback import look_back
from lambdas.investigation.parts import Lookup
from lambdas.model import Json, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.investigation.findings import Case
    from lambdas.investigation.lookback import Pace
    from lambdas.investigation.parts import Shelf
    from lambdas.investigation.records import Record
    from lambdas.model import Target

#: So many look-ups are followed in one round (each costs half a second per region), and so many rounds are made.
MOST_LOOKUPS, MOST_ROUNDS = 200, 8
#: So far back CloudTrail's event history goes.
DAYS = 90

_SUBJECTS = {
    Kind.ACCESS_KEY: "key",
    Kind.USER: "user",
    Kind.ROLE: "role",
    Kind.ROLE_SESSION: "principal",
    Kind.FEDERATED_USER: "principal",
    Kind.INSTANCE: "instance",
    Kind.ROOT: "root",
    Kind.OTHER: "principal",
}
_BY_NAME = {Kind.USER, Kind.ROLE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What ``rounds/<number>.json`` says. ``left_out`` counts the look-ups that were too many for this round.

    The next round takes them up; only those of the last one are never made.
    """

    number: int
    since: str
    until: str
    roots: tuple[Subject, ...]
    lookups: tuple[Lookup, ...]
    left_out: int = 0

    def told(self) -> Json:
        """Give what the workflow carries of it."""
        return {"round": self.number, "lookups": len(self.lookups), "left_out": self.left_out}


def folder(incident_id: str, look: int) -> str:
    """Name the folder of a look of an investigation."""
    return f"incidents/{incident_id}/investigation/{look}"


def begun(shelf: Shelf) -> str:
    """Say until when the look in this folder looks (ISO 8601); ``""`` where there is none."""
    kept = shelf.kept(_name(1))
    return str(kept["until"]) if kept else ""


def subject_of(target: Target, arn: str = "") -> Subject | None:
    """Give by what the callers that are this target are recognised; None where it has no name or id for it."""
    value = (target.name if target.kind in _BY_NAME else target.id) or ("root" if target.kind is Kind.ROOT else "")
    if not value:
        return None
    return Subject(kind=_SUBJECTS[target.kind], value=value, account=target.account, arn=arn)


def open_look(shelf: Shelf, roots: Iterable[Subject], *, since: str, until: str) -> Json:
    """Write down of whom, since and until when; a retry finds what the first try wrote.

    ``since`` and ``until`` are ISO 8601 with a zone; CloudTrail has only the last ``DAYS`` days.
    """
    subjects = tuple(dict.fromkeys(roots))
    first = tuple(first_lookups(subjects))
    return _keep(
        shelf,
        Round(
            number=1,
            since=_not_before(since, until),
            until=until,
            roots=subjects,
            lookups=first[:MOST_LOOKUPS],
            left_out=len(first[MOST_LOOKUPS:]),
        ),
    ).told()


def look_up(  # noqa: PLR0913  (what a look is made of)
    cloudtrail: Any,  # noqa: ANN401  (boto3's clients are made at run time)
    shelf: Shelf,
    region: str,
    number: int,
    *,
    seconds: float,
    pace: Pace | None = None,
) -> Json:
    """Make the look-ups of a round in a region, as far as the time goes; see ``lookback.look_back``."""
    this = read(shelf, number)
    return look_back(
        cloudtrail, shelf, region, this.lookups, since=this.since, until=this.until, seconds=seconds, pace=pace
    )


def follow(shelf: Shelf, number: int) -> Json:
    """Say what the records found until now ask for, and write it as the next round; ``lookups`` is 0 at the end."""
    rounds = [read(shelf, one) for one in range(1, number + 1)]
    _, tree = lineage(shelf, rounds[0].roots)
    wanted = next_lookups(tree, (lookup for one in rounds for lookup in one.lookups))
    most = MOST_LOOKUPS if number < MOST_ROUNDS else 0
    last = rounds[-1]
    after = Round(
        number=number + 1,
        since=last.since,
        until=last.until,
        roots=last.roots,
        lookups=tuple(wanted[:most]),
        left_out=len(wanted[most:]),
    )
    return _keep(shelf, after).told()


def tell(shelf: Shelf, number: int, case: Case) -> Json:
    """Give the findings of a look whose last round is ``number``; what the rounds left out is said in them."""
    last = read(shelf, number)
    found, tree = lineage(shelf, last.roots)
    story = Story(tree=tree, partition=case.partition)
    story.fold(records(shelf))
    left_out = case.left_out + last.left_out
    return findings(replace(case, since=last.since, until=last.until, left_out=left_out), found, story)


def lineage(shelf: Shelf, roots: Iterable[Subject]) -> tuple[Lineage, Tree]:
    """Fold every record of a look, and follow it from the roots."""
    subjects = list(roots)
    found = Lineage(resources=frozenset(one.value for one in subjects if one.kind == "resource"))
    found.fold(records(shelf))
    return found, found.tree(subjects)


def records(shelf: Shelf) -> Iterator[Record]:
    """Read every record of a look, one at a time; repeated ones too."""
    return (reading.read(one) for one in shelf.records())


def read(shelf: Shelf, number: int) -> Round:
    """Read a round. Raises Unexpected where there is none."""
    kept = shelf.kept(_name(number))
    if kept is None:
        raise errors.Unexpected(f"There is no round {number} in this look.")
    return Round(
        number=kept["number"],
        since=kept["since"],
        until=kept["until"],
        roots=tuple(Subject(**one) for one in kept["roots"]),
        lookups=tuple(Lookup(**one) for one in kept["lookups"]),
        left_out=kept["left_out"],
    )


def _not_before(since: str, until: str) -> str:
    """Give the later of ``since`` and what CloudTrail still has at ``until``."""
    oldest = datetime.fromisoformat(until) - timedelta(days=DAYS)
    return since if datetime.fromisoformat(since) >= oldest else f"{oldest.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _keep(shelf: Shelf, this: Round) -> Round:
    return this if shelf.keep(_name(this.number), asdict(this)) else read(shelf, this.number)


def _name(number: int) -> str:
    return f"rounds/{number}.json"
