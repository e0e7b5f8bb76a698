"""Tests that run side by side: each in a thread of its own, started as soon as the stack is deployed.

A test marked ``side_by_side`` waits for its own run and fails with that run's traceback. One that uses the fixture
``alone`` begins when all of these have ended, because it changes what they share.
"""

from __future__ import annotations

import concurrent.futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

MARK = "side_by_side"
_AT_ONCE = 6


def turn(item: pytest.Item) -> int:
    """Say when a test has its turn: those side by side first, those that must be alone last."""
    if item.get_closest_marker(MARK):
        return 0
    return 2 if "alone" in getattr(item, "fixturenames", ()) else 1


class SideBySide:
    """The runs of the marked tests."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="case")
        self._runs: dict[str, Future[object]] = {}

    def start(self, items: Iterable[pytest.Item], fixtures: Mapping[str, object]) -> None:
        """Begin every marked test among ``items``; ``fixtures`` are those that it may use."""
        for item in items:
            if item.get_closest_marker(MARK):
                given = {**fixtures, **item.callspec.params} if hasattr(item, "callspec") else dict(fixtures)
                test = item.obj  # type: ignore[attr-defined]  # every test here is a function
                names = test.__code__.co_varnames[: test.__code__.co_argcount]
                self._runs[item.nodeid] = self._pool.submit(test, **{name: given[name] for name in names})

    def wait_for(self, item: pytest.Item) -> bool:
        """Wait for a test's own run, and raise what it raised; false if it is not one of these."""
        run = self._runs.get(item.nodeid)
        if run is None:
            return False
        run.result()
        return True

    def finish(self) -> None:
        """Wait until all have ended, however they did."""
        concurrent.futures.wait(self._runs.values())

    def stop(self) -> None:
        """Begin no more of them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
