"""Where LocalEmu's logs of state machines differ from AWS, and a busy workflow would notice.

AWS delivers the log of an execution later and in batches. LocalEmu makes one call to CloudWatch Logs for each event of
the history, while the execution waits for it: most of the time that a short workflow takes.

https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html

May touch: LocalEmu's log of executions in this process, by a thread of its own.
Never does: lose an event while the emulator runs, or change their order.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from localemu.services.stepfunctions.asl.eval.event.logging import CloudWatchLoggingSession
from localemu.services.stepfunctions.asl.utils.encoding import to_json_str

if TYPE_CHECKING:
    from localemu.aws.api.logs import InputLogEvent

_EVERY_SECONDS = 1.0
_MOST_EVENTS = 1_000  # CloudWatch Logs takes ten times as many in a call, and a megabyte
_waiting: queue.SimpleQueue[tuple[Any, InputLogEvent]] = queue.SimpleQueue()


def install() -> None:
    """Correct LocalEmu's logs of executions in this process. To be called once."""
    CloudWatchLoggingSession.publish_history_log = _publish_later
    threading.Thread(target=_deliver, name="workflow-logs", daemon=True).start()


def _publish_later(self: Any, history_log: dict[str, Any]) -> None:  # noqa: ANN401 - LocalEmu is untyped
    milliseconds = int(history_log["event_timestamp"].timestamp() * 1000)
    _waiting.put((self, {"timestamp": milliseconds, "message": to_json_str(history_log)}))


def _deliver() -> None:
    while True:
        batch = [_waiting.get()]
        time.sleep(_EVERY_SECONDS)
        while len(batch) < _MOST_EVENTS and not _waiting.empty():
            batch.append(_waiting.get())
        streams: dict[tuple[str, str], tuple[Any, list[InputLogEvent]]] = {}
        for session, event in batch:
            where = session.configuration
            _, events = streams.setdefault((where.log_group_name, where.log_stream_name), (session, []))
            events.append(event)
        for session, events in streams.values():
            session._publish_history_log_or_setup(log_events=events)  # noqa: SLF001 - LocalEmu's own way
