"""Great Expectations in its place: it judges, and what it found is recorded beside the split's own counts."""

from lienthong.quality.great import expect
from lienthong.quality.judging import judge, recorded

__all__ = ["expect", "judge", "recorded"]
