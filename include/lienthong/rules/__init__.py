"""A rule kind compiles to one SQL predicate; ``quality`` holds its other compilation, for Great Expectations.

A predicate reads the typed landing table under the alias ``t``: column ``x`` holds the typed value (NULL when
the text does not fit the type; a text in NFC), ``x__raw`` the trimmed text. A predicate that yields NULL passes: only
``required`` speaks about absence, so no row is reported twice for one missing value. Kinds about a window have a test
of what a source gave as a whole instead (``windows``).
"""

from lienthong.rules import lists, rows, vietnam, windows
from lienthong.rules.model import (
    KINDS,
    SEVERITIES,
    SQL_TYPES,
    VALIDITY,
    Kind,
    Past,
    Rule,
    Subject,
    column,
    literal,
    predicate,
    quoted,
    raw,
    window_test,
)

KINDS.update(rows.KINDS | lists.KINDS | vietnam.KINDS | windows.KINDS)

__all__ = [
    "KINDS", "SEVERITIES", "SQL_TYPES", "VALIDITY", "Kind", "Past", "Rule", "Subject", "column", "literal",
    "predicate", "quoted", "raw", "window_test",
]  # fmt: skip
