"""`python -m bench`: how long a function takes to start, what each part of the packaging is worth, who wins the fights.

A cold start is a whole process: the interpreter, the imports of a handler, its clients. It is measured
from the asset as it is deployed, and from variants of it that leave one thing out, in turns, so that a
machine that slows down slows all of them. The figures are medians and their ratio to the deployed form.

The fights are a simulation on a virtual clock, so their figures are the same on every machine; see `bench/fights`.

May touch: a temporary folder, `.build/` of the project.
Never does: fail because something was slow.
"""

from __future__ import annotations

import functools
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from bench.fights.fight import ARMS, fight
from stacks import packaging

if TYPE_CHECKING:
    from collections.abc import Callable

_ROUNDS = 15
_FIGHTS = 1000
_HANDLERS = {"triage": ("iam", "dynamodb"), "act": ("iam", "dynamodb"), "notify": ("sns", "dynamodb")}


def main() -> int:
    """Measure, and print the tables."""
    _starts()
    _fights()
    return 0


def _fights() -> None:
    """Fight in every way, and print which share was won: a simulation, see ``docs/holding.md``."""
    print(f"\nsimulated fights, {_FIGHTS} each")  # noqa: T201 - the table
    print(f"{'arm':<52}{'locked out':>12}{'by 1st hold':>12}{'undone':>8}{'touched':>9}")  # noqa: T201 - the table
    for arm in ARMS:
        with ProcessPoolExecutor() as pool:
            ends = list(pool.map(functools.partial(fight, arm=arm), range(_FIGHTS), chunksize=20))
        shares = [sum(end.locked_out for end in ends), sum(end.locked_out_at_once for end in ends)]
        of = "".join(f"{share / _FIGHTS:>12.1%}" for share in shares)
        undone = statistics.median(end.undone for end in ends)
        touched = sum(bool(end.touched) for end in ends)
        print(f"{arm.name:<52}{of}{undone:>8.0f}{touched:>9}")  # noqa: T201 - the table


def _starts() -> None:
    """Start each handler from each variant of the asset, in turns, and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        variants = _variants(Path(folder))
        print(f"{'handler':<10}{'asset':<42}{'median':>10}{'ratio':>8}")  # noqa: T201 - the table
        for handler, services in _HANDLERS.items():
            taken: dict[str, list[float]] = {name: [] for name in variants}
            for _ in range(_ROUNDS):
                for name, asset in variants.items():
                    taken[name].append(_cold_start(asset, handler, services))
            base = statistics.median(taken["as deployed"])
            for name, seconds in taken.items():
                median = statistics.median(seconds)
                print(f"{handler:<10}{name:<42}{median * 1000:>7.0f} ms{median / base:>8.2f}")  # noqa: T201 - the table


def _variants(folder: Path) -> dict[str, Path]:
    """Copy the asset, each time without one of the things that packaging does for it."""
    deployed = packaging.build()

    def without(name: str, spoil: Callable[[Path], None]) -> Path:
        copy = folder / name
        shutil.copytree(deployed, copy)
        spoil(copy)
        for path in copy.rglob("*.py"):
            path.touch()
        return copy

    return {
        "as deployed": without("deployed", lambda _: None),
        "without bytecode (as a plain zip loses it)": without("plain", _drop_bytecode),
        "with all of botocore's data": without("whole", _give_back_data),
    }


def _drop_bytecode(copy: Path) -> None:
    for cache in list(copy.rglob("__pycache__")):
        shutil.rmtree(cache)


def _give_back_data(copy: Path) -> None:
    dependencies = next(packaging.BUILD.glob("dependencies-*"))
    shutil.copytree(dependencies / "botocore", copy / "botocore", dirs_exist_ok=True)


def _cold_start(asset: Path, handler: str, services: tuple[str, ...]) -> float:
    """Time one process that imports a handler and makes its clients, with nothing but the asset."""
    script = (
        f"import sys; sys.path.insert(0, {str(asset)!r}); import lambdas.handlers.{handler}; from lambdas import aws; "
        f"[aws.client(name) for name in {services!r}]"
    )
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-S", "-B", "-c", script], env={"AWS_DEFAULT_REGION": "us-east-1"}, check=True
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
