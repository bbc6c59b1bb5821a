"""Publishing: what changed in the warehouse reaches its receivers, at least once and with at most one effect."""

from lienthong.publishing.receipts import GENESIS, Receipt, first_break
from lienthong.publishing.sender import Limits, PublishReport, publish

__all__ = ["GENESIS", "Limits", "PublishReport", "Receipt", "first_break", "publish"]
