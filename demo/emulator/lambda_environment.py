"""The first code of every Lambda environment: AWS' own runtime client, tied to the life of the emulator.

Run by the interpreter that stands for the Lambda image: `python -P lambda_environment.py <handler>`.

May touch: its own process. Ends it when standard input closes, which happens when the emulator ends for any
reason, SIGKILL included.
Never does: run anything of the function before the runtime client does.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading

_EMULATOR_IS_GONE = 143


def _follow_the_emulator() -> None:
    os.read(0, 1)
    os._exit(_EMULATOR_IS_GONE)


if __name__ == "__main__":
    threading.Thread(target=_follow_the_emulator, daemon=True).start()
    sys.argv[0] = "awslambdaric"
    runpy.run_module("awslambdaric", run_name="__main__")
