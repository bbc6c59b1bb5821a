"""The only writer of the warehouse: land, mark, promote, ledger; one transaction each, or nothing."""

from lienthong.warehouse.store import Warehouse

__all__ = ["Warehouse"]
