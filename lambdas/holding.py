"""Hold: watch the cuts of a case for some seconds, and have what is undone made again.

IAM takes three to four seconds to enforce a change. Until then whoever has the credentials can undo the cut itself:
detach the deny, make the key active again, give an interface its groups back. So each cut is read several times a
second, and what does not read as cut any more is made again, by the function that made it. A cut counts from the
moment in which it is known to have been made: the journal says so, or it was read so.

What was born meanwhile is looked for too. IAM does not say who made it, so nothing here touches it: it is told.

May touch: nothing by itself; what it watches and calls again is given to it.
Never: changes anything itself; goes on when the case was given back by a person; watches for longer than it was told.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lambdas import errors
from lambdas.text import line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from lambdas.model import Json, PlanItem

#: What can be watched: reading it is cheap, and undoing it gives the attacker back what was taken.
OF_CREDENTIALS = ("deny_principal", "disable_key", "revoke_sessions")
OF_INSTANCES = ("isolate_instance", "lock_metadata", "take_profile")

#: How often the cuts are read, at most, and how often when AWS asks for fewer requests, in seconds.
PAUSE = 0.25
_LONGEST_PAUSE = 4.0
#: How often the case is read, and what was born, in seconds.
_CASE_EVERY = 1.0
_BORN_EVERY = 2.0
#: What was undone later than this before the end is not known to hold: IAM has not enforced it yet.
QUIET = 5.0
#: Somebody who goes on undoing is answered for so many seconds more at most, or as long again where that is more.
_MORE_SECONDS = 10.0
#: A reading is about so many calls to AWS, of which all the holds of an account may make so many a second together.
_CALLS_OF_A_LOOK, _CALLS_A_SECOND = 3, 40
#: A new account runs ten functions at a time. So many watches at once leave room for the cuts; more watch for a shorter
#: time, but for twice as long as IAM takes to enforce a change.
_MANY, _LEAST_SECONDS = 4, 8.0
#: So often an action may fail to make one cut again before nobody tries any more.
_MOST_FAILURES = 5
#: A target is gone when it is not found so often in a row: whoever renames it hides it from a reading, not from many.
_MOST_GONE = 8
_MOST_BORN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the incident table says of a case while its cuts are watched.

    ``made`` are the ids of the items that are known to be made. ``ended`` says that the run has made all that it will
    make. ``released`` are the ids of the cases that a person gave back. ``holds`` is how many holds share the account's
    requests.
    """

    made: Collection[str]
    ended: bool = False
    released: Collection[str] = ()
    holds: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a hold works with.

    ``look`` reads one item's target and says whether it is cut, ``again`` has its action made again, ``born`` gives
    what was born since (JSON, each with ``kind`` and ``id``): all three raise the named errors. ``standing`` tells how
    the case stands, ``None`` when the table does not answer. ``now`` is a clock in seconds that never goes back,
    ``sleep`` waits so many of them. ``together`` makes calls at the same time; it comes back when they have ended, or
    after a while, and leaves those that take longer at work.
    """

    look: Callable[[PlanItem], bool]
    again: Callable[[PlanItem], object]
    born: Callable[[], Iterable[Json]]
    standing: Callable[[], Standing | None]
    now: Callable[[], float]
    sleep: Callable[[float], None]
    together: Callable[[Sequence[Callable[[], None]]], object]


@dataclass(slots=True, kw_only=True)
class _Cut:
    """One item that is watched: since when it is cut, how often it was undone, and what went wrong."""

    item: PlanItem
    made_at: float | None = None
    holds: bool = False
    undone: int = 0
    undone_at: float | None = None
    gone: int = 0
    failures: int = 0
    error: str = ""
    slow: bool = False
    busy: bool = False
    released: bool = False

    @property
    def over(self) -> bool:
        """Whether there is nothing to watch any more."""
        return self.released or self.gone >= _MOST_GONE or self.failures >= _MOST_FAILURES


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How the cuts of a run held.

    ``items`` is item id → ``{"held", "undone", "error"}``; ``held`` is ``None`` where nothing could be watched.
    ``born`` is what was born meanwhile, ``more_born`` how much of that is left out. ``seconds`` is how long it was
    watched since the last cut was made, ``released`` the ids of the cases that a person gave back meanwhile.
    """

    items: Json
    born: tuple[Json, ...] = ()
    more_born: int = 0
    born_error: str = ""
    seconds: float = 0.0
    released: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """Give the form that the workflow carries to Notify."""
        return {
            "items": self.items,
            "born": list(self.born),
            "more_born": self.more_born,
            "born_error": self.born_error,
            "seconds": round(self.seconds, 1),
            "released": list(self.released),
        }


@dataclass(slots=True, kw_only=True)
class _Beside:
    """What is done now and then beside the readings: how slow it is holds none of them up."""

    every: float
    began: float = float("-inf")
    busy: bool = False


@dataclass(slots=True)
class _Hold:
    """A hold at work."""

    watch: Watch
    cuts: list[_Cut]
    seconds: float
    begin_within: float
    started: float
    pause: float = PAUSE
    standing: Standing = field(default_factory=lambda: Standing(made=()))
    born: dict[str, Json] = field(default_factory=dict)
    born_error: str = ""
    asking: _Beside = field(default_factory=lambda: _Beside(every=_CASE_EVERY))
    searching: _Beside = field(default_factory=lambda: _Beside(every=_BORN_EVERY))


def hold(watch: Watch, items: Iterable[PlanItem], *, seconds: float, begin_within: float) -> Held:
    """Watch the cuts for so many seconds after the last one was made; give how they held.

    A cut that is not known to be made within ``begin_within`` seconds is not waited for any longer. Where somebody is
    still undoing at the end, the watch goes on until five seconds were quiet, for as long again at most. Raises nothing
    that a cut or the table comes to: what could not be read or made again is said of the cut.
    """
    work = _Hold(
        watch=watch,
        cuts=[_Cut(item=item) for item in items],
        seconds=seconds,
        begin_within=begin_within,
        started=watch.now(),
    )
    while not _is_over(work):
        began = watch.now()
        checks = [_busily(cut, _check_of(work, cut)) for cut in work.cuts if not (cut.over or cut.busy)]
        watch.together([*_due(work, work.asking, _ask), *checks, *_due(work, work.searching, _look_for_born)])
        _rest(work, began)
    last = watch.now() + QUIET
    while (work.searching.busy or any(cut.busy for cut in work.cuts)) and watch.now() < last:
        watch.sleep(PAUSE)
    now = watch.now()
    return Held(
        items={cut.item.id: _result(cut, now) for cut in work.cuts},
        born=tuple(list(work.born.values())[:_MOST_BORN]),
        more_born=max(0, len(work.born) - _MOST_BORN),
        born_error=work.born_error,
        seconds=now - max((cut.made_at for cut in work.cuts if cut.made_at is not None), default=now),
        released=tuple(sorted({cut.item.incident_id for cut in work.cuts if cut.released})),
    )


def _is_over(work: _Hold) -> bool:
    """Tell whether every cut was watched for long enough, or is not worth watching."""
    now = work.watch.now()
    watched = [cut for cut in work.cuts if not cut.over]
    if not watched:
        return True
    waiting = [cut for cut in watched if cut.made_at is None]
    if waiting and not work.standing.ended and now < work.started + work.begin_within:
        return False
    made = [cut.made_at for cut in watched if cut.made_at is not None]
    if not made:
        return True
    seconds = _seconds(work)
    until = max(made) + seconds
    if now < until:
        return False
    quiet = all(cut.undone_at is None or (cut.holds and now >= cut.undone_at + QUIET) for cut in watched if cut.made_at)
    return quiet or now >= until + max(seconds, _MORE_SECONDS)


def _seconds(work: _Hold) -> float:
    """Say how long to watch: shorter where many do, who would keep a new account's ten functions from the cuts."""
    if work.standing.holds <= _MANY:
        return work.seconds
    return min(work.seconds, max(_LEAST_SECONDS, work.seconds * _MANY / work.standing.holds))


def _due(work: _Hold, beside: _Beside, do: Callable[[_Hold], None]) -> list[Callable[[], None]]:
    """Give what is to be done beside the readings, where it is time for it and the last time is over."""
    now = work.watch.now()
    if beside.busy or now < beside.began + beside.every:
        return []
    beside.began = now
    return [_busily(beside, lambda: do(work))]


def _busily(one: _Beside | _Cut, do: Callable[[], None]) -> Callable[[], None]:
    """Give the same call, which says while it is at work that it is."""

    def done() -> None:
        try:
            do()
        except Exception as error:  # noqa: BLE001  (a thread's error is seen by nobody, and would read as a lost cut)
            if isinstance(one, _Cut):
                one.error = f"{type(error).__name__}: {line(error, 200)}"
        finally:
            one.busy = False

    one.busy = True
    return done


def _ask(work: _Hold) -> None:
    """Ask the table how the case stands."""
    found = work.watch.standing()
    now = work.watch.now()
    if found is not None:
        work.standing = found
    for cut in work.cuts:
        cut.released = cut.released or cut.item.incident_id in work.standing.released
        known = cut.item.id in work.standing.made or (found is None and now >= work.started + QUIET)
        if cut.made_at is None and known:
            cut.made_at = now


def _check_of(work: _Hold, cut: _Cut) -> Callable[[], None]:
    return lambda: _check(work, cut)


def _check(work: _Hold, cut: _Cut) -> None:
    """Read one target; have the cut made again where it was made and is not there."""
    cut.slow = False
    try:
        is_cut = work.watch.look(cut.item)
    except errors.TargetGone as error:
        cut.gone += 1
        cut.error = f"{type(error).__name__}: {line(error, 200)}" if cut.made_at is not None else ""
        return
    except errors.TourniquetError as error:
        cut.slow = isinstance(error, errors.Throttled)
        cut.error = f"{type(error).__name__}: {line(error, 200)}"
        return
    now = work.watch.now()
    cut.gone = 0
    if is_cut:
        cut.made_at = now if cut.made_at is None else cut.made_at
        cut.holds, cut.error = True, ""
        return
    if cut.made_at is None:
        return
    if cut.holds or cut.undone == 0:
        cut.undone += 1
    cut.holds, cut.undone_at = False, now
    if not cut.released:
        _again(work, cut)


def _again(work: _Hold, cut: _Cut) -> None:
    """Have a cut made again; what that fails with is said of the cut.

    Somebody who undoes it before it is read back has it made again the next time: that is no failure.
    """
    try:
        with suppress(errors.StateChanged):
            work.watch.again(cut.item)
    except errors.TargetGone:
        cut.gone += 1
    except errors.Released:
        cut.released = True
    except errors.TourniquetError as error:
        passing = isinstance(error, errors.Throttled | errors.Unavailable)
        cut.slow = cut.slow or isinstance(error, errors.Throttled)
        cut.failures += 0 if passing else 1
        cut.error = f"{type(error).__name__}: {line(error, 200)}"
    else:
        cut.holds, cut.error, cut.failures = True, "", 0
        cut.undone_at = work.watch.now()


def _look_for_born(work: _Hold) -> None:
    try:
        for one in work.watch.born():
            work.born[f"{one['kind']}#{one['id']}"] = one
        work.born_error = ""
    except errors.TourniquetError as error:
        work.born_error = f"{type(error).__name__}: {line(error, 200)}"


def _rest(work: _Hold, began: float) -> None:
    """Wait for the next round: longer where many holds share the requests, or AWS asked for fewer."""
    slow = any(cut.slow for cut in work.cuts)
    work.pause = min(work.pause * 2, _LONGEST_PAUSE) if slow else max(PAUSE, work.pause / 2)
    shared = work.standing.holds * len(work.cuts) * _CALLS_OF_A_LOOK / _CALLS_A_SECOND
    wait = max(work.pause, min(shared, _LONGEST_PAUSE)) - (work.watch.now() - began)
    if wait > 0:
        work.watch.sleep(wait)


def _result(cut: _Cut, now: float) -> Json:
    """Say of one cut whether it held: it reads so at the end, and nobody undid it in the last seconds."""
    quiet = cut.undone_at is None or now >= cut.undone_at + QUIET
    held = (
        None
        if cut.made_at is None or cut.gone or cut.released or (cut.error and not cut.undone)
        else cut.holds and quiet
    )
    return {"held": held, "undone": cut.undone, "error": cut.error}
