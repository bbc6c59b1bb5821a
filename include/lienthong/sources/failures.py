"""What may stop the reading of a file or service; each reader turns it into an error of the source, with its place."""

from __future__ import annotations


class Failure(Exception):
    """Root of these; never raised itself."""


class Unreadable(Failure):
    """Content that cannot be used; says in Vietnamese what is wrong and what to do, never a value."""


class NotThere(Failure):
    """The file has not been dropped yet."""


class Unreachable(Failure):
    """The other side does not answer; says how it failed."""


class Unsettled(Failure):
    """The file is being written, or was replaced while it was copied."""


class NoSpace(Failure):
    """There is no room for a copy."""


class Refused(Failure):
    """A service rejects our credentials or answers in another form; says in Vietnamese who mends it."""
