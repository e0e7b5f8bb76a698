"""The errors that steps raise; Step Functions matches them by class name.

    TourniquetError
    ├── Throttled       AWS asked us to slow down; the workflow retries
    ├── Unavailable     AWS did not answer or failed on its side; the workflow retries
    ├── NotPermitted    our role may not do that, or somebody denied it; not retried
    ├── TargetGone      the thing to act on does not exist (any more); not retried
    ├── QuotaFull       AWS allows no more of these on this target; not retried
    ├── Protected       the owner's settings forbid touching this target; not retried
    ├── Released        a person gave the case back; nothing of it is made again; not retried
    ├── Doubtful        nobody can tell whether this is the target that was meant; not retried
    ├── StillTracked    an instance is isolated, but its open connections may go on; not retried
    ├── NotKept         evidence could not be written; not retried, because the cut waits or the rest is kept
    ├── StateChanged    what is there is not what was written, or left; not retried
    ├── Superseded      the case is not this run's to restore (any more); not retried
    └── Unexpected      anything else; not retried

May touch: nothing.
Never: carries a whole key id or a secret; messages are redacted where AWS' errors are translated.
"""


class TourniquetError(Exception):
    """The root of every error that a step raises on purpose.

    ``remark`` is empty, or says what a change leaves undone that no later reading of the target shows.
    """

    remark: str = ""


class Throttled(TourniquetError):  # noqa: N818  (these names are what ASL matches and people read)
    """AWS asked for fewer requests. Worth another try in a moment."""


class Unavailable(TourniquetError):  # noqa: N818  (as above)
    """AWS did not answer in time, or answered that it failed. Worth another try."""


class NotPermitted(TourniquetError):  # noqa: N818  (as above)
    """The step's role is refused this call: a missing grant, a deny, or a service control policy."""


class TargetGone(TourniquetError):  # noqa: N818  (as above)
    """The user, key or resource to act on does not exist, or is no longer the one that was meant."""


class QuotaFull(TourniquetError):  # noqa: N818  (as above)
    """AWS refuses to add one more of something to this target."""


class Protected(TourniquetError):  # noqa: N818  (as above)
    """The owner's settings protect this target, or it is the responder's own: it is never changed."""


class Released(TourniquetError):  # noqa: N818  (as above)
    """A person gave the case back, or is giving it back: what only watches or looks again makes nothing of it."""


class Doubtful(TourniquetError):  # noqa: N818  (as above)
    """Nobody can tell whether what was found is the target that was meant: a person has to decide."""


class StillTracked(TourniquetError):  # noqa: N818  (as above)
    """The instance is isolated, but without the step that ends connections that were open before. Says it as remark."""

    def __init__(self, remark: str) -> None:
        super().__init__(remark)
        self.remark = remark


class NotKept(TourniquetError):  # noqa: N818  (as above)
    """Evidence, or a part of it, could not be written. Not worth another try: the cut waits, or the rest is kept."""


class StateChanged(TourniquetError):  # noqa: N818  (as above)
    """What is there is not what was written a moment ago, or left earlier: somebody else writes here too."""


class Superseded(TourniquetError):  # noqa: N818  (as above)
    """The case is not being restored by this run (any more): another run took it over, so nothing more is undone."""


class Unexpected(TourniquetError):  # noqa: N818  (as above)
    """An answer of AWS that no step foresaw."""
