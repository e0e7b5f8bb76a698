"""`python -m demo up | down | demo`: the product in an AWS of its own, on this machine.

May touch: `.build/` of the project, port 4566 of 127.0.0.1, and the processes that `up` started.
Never does: reach an account of Amazon's, or leave a process that `down` does not end.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from demo.aws import BUILD, EmbeddedAws, EmbeddedAwsError, deploy

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT = 4566
ALERT_EMAIL = "oncall@example.com"
OUTPUTS = BUILD / "outputs.json"
STATE = BUILD / "up.json"
LOG = BUILD / "emulator.log"
SCRATCH = BUILD / "emulator-state"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give the exit status: 0, 1 for a problem said in words, 130 for a Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    start = commands.add_parser("up", help="start the embedded AWS, or reuse it, and deploy into it")
    start.add_argument("--port", type=int, default=PORT, help=f"port on 127.0.0.1 (default {PORT})")
    commands.add_parser("down", help="stop it; nothing stays")
    commands.add_parser("demo", help="tell the story of a leaked key")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # a shell that starts this in the background has it ignored
    try:
        match options.command:
            case "up":
                up(port=options.port)
            case "down":
                down()
            case _:
                from demo.story import run  # noqa: PLC0415 - `up` and `down` need nothing of the story

                return run()
    except EmbeddedAwsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def up(*, port: int = PORT) -> None:
    """Start the embedded AWS, or use the one that is up, deploy into it and say how to use it.

    One that this call started does not outlive a failure or a Ctrl-C; one that was up before stays.
    Raises EmbeddedAwsError.
    """
    running = _running()
    if running is not None and running.port != port:
        raise EmbeddedAwsError(f"It is up on port {running.port}. Run `make down` before changing ports.")
    aws = running or EmbeddedAws.start(port=port, scratch=SCRATCH, log=LOG)
    try:
        STATE.write_text(json.dumps({"pid": aws.pid, "port": aws.port}) + "\n", "utf-8")
        deploy(aws, context={"alert_email": ALERT_EMAIL}, outputs=OUTPUTS)
    except BaseException:
        if running is None:
            _discard(aws)
        raise
    print(f"\nEverything is on 127.0.0.1:{aws.port}; no account of Amazon's is involved. To use it:\n")
    for name, value in aws.environment().items():
        print(f"  export {name}={value}")
    print("  unset AWS_PROFILE AWS_SESSION_TOKEN")
    print(f"\nOutputs of the stack: {OUTPUTS}")
    print(f"E-mails delivered:    {aws.url}/_aws/ses")
    print("To stop it:           make down")


def down() -> None:
    """Stop what `up` started and wait until none of its processes is left. Harmless when nothing is up."""
    aws = _running()
    if aws is None:
        STATE.unlink(missing_ok=True)
        print("Nothing is up.")
        return
    _discard(aws)
    print("Stopped; no process is left.")


def _discard(aws: EmbeddedAws) -> None:
    aws.stop()
    STATE.unlink(missing_ok=True)
    OUTPUTS.unlink(missing_ok=True)
    shutil.rmtree(SCRATCH, ignore_errors=True)


def _running() -> EmbeddedAws | None:
    try:
        state = json.loads(STATE.read_text("utf-8"))
        aws = EmbeddedAws(port=state["port"], pid=state["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return aws if aws.is_running() and _is_emulator(aws.pid) else None


def _is_emulator(pid: int) -> bool:
    # After a restart of the machine the number may be another program's.
    listed = Path(f"/proc/{pid}/cmdline")
    if listed.exists():
        return b"demo.emulator" in listed.read_bytes()
    answer = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True)
    return b"demo.emulator" in answer.stdout


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
