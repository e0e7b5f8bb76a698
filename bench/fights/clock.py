"""A virtual clock, on which code that waits runs beside other code that waits.

Real code calls ``sleep`` deep inside, so everything that waits has a thread of its own; but only one of them runs at a
time, and who runs next is whoever is due first. So a fight of minutes takes milliseconds, and always the same way.

May touch: threads of this process.
Never does: wait for real time; run two things at once.
"""

from __future__ import annotations

import heapq
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Deadlock(Exception):  # noqa: N818  (it is what it is called)
    """Everything waits and nothing is due: a mistake in the simulation."""


class _Runner:
    """Something that runs and waits: a thread of its own, or the one that began the fight."""

    def __init__(self) -> None:
        self.baton = threading.Lock()
        self.baton.acquire()
        self.work: Callable[[], None] = _nothing
        self.clock: Clock


_idle: list[_Runner] = []


def _nothing() -> None:
    """Do nothing."""


def _runner() -> _Runner:
    """Give a thread that has nothing to do; fights share them, because making one costs more than a switch."""
    if _idle:
        return _idle.pop()
    made = _Runner()
    threading.Thread(target=_serve, args=(made,), daemon=True).start()
    return made


def _serve(runner: _Runner) -> None:
    while True:
        runner.baton.acquire()
        clock = runner.clock
        runner.work()
        _idle.append(runner)
        clock.leave()


class Clock:
    """The time of one fight in seconds, what is due, and who runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None] | _Runner]] = []
        self._count = 0
        self._main = self._running = _Runner()
        self._error: BaseException | None = None

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Have something done at a time; it must not wait itself."""
        self._push(when, do)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        me = self._running
        self._push(self.now + max(0.0, seconds), me)
        self._wait(me)

    def start(self, work: Callable[[], None]) -> None:
        """Run something that waits beside what runs now. What it raises, the fight raises."""
        runner = _runner()
        runner.clock = self

        def guarded() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (raised again where the fight was begun)
                self._error = self._error or error

        runner.work = guarded
        self._push(self.now, runner)

    def together(self, calls: Sequence[Callable[[], None]], within: float = float("inf")) -> None:
        """Make calls side by side; come back when all have ended, or after so many seconds while the rest go on."""
        me, left, waits = self._running, len(calls), True

        def ended() -> None:
            nonlocal left, waits
            left -= 1
            if not left:
                wake()

        def wake() -> None:
            nonlocal waits
            if waits:
                waits = False
                self._push(self.now, me)

        def of(call: Callable[[], None]) -> Callable[[], None]:
            def run() -> None:
                try:
                    call()
                finally:
                    ended()

            return run

        if not calls:
            return
        for call in calls:
            self.start(of(call))
        if within < float("inf"):
            self._push(self.now + within, wake)
        self._wait(me)

    def until(self, when: float) -> None:
        """Let time go on until then. Raises what anything raised meanwhile."""
        self.sleep(when - self.now)
        self._raise()

    def leave(self) -> None:
        """Hand on to whoever is due next: what ran here has ended."""
        following = self._next()
        if following is None:
            self._error = self._error or Deadlock()
            following = self._main
        self._running = following
        following.baton.release()

    def _push(self, when: float, what: Callable[[], None] | _Runner) -> None:
        self._count += 1
        heapq.heappush(self._due, (when, self._count, what))

    def _wait(self, me: _Runner) -> None:
        """Let others run until it is this one's turn."""
        following = self._next()
        if following is None:
            self._error = self._error or Deadlock()
            self._raise()
        elif following is not me:
            self._running = following
            following.baton.release()
            me.baton.acquire()
        if me is self._main:
            self._raise()

    def _next(self) -> _Runner | None:
        """Do what is due until somebody is to run; ``None`` when nothing is due any more."""
        due = self._due
        while due:
            self.now, _, what = heapq.heappop(due)
            if isinstance(what, _Runner):
                return what
            what()
        return None

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
