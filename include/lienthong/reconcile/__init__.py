"""Reconciliation: what a receiver holds, the receipts and the warehouse agree, or the keys that do not are listed."""

from lienthong.reconcile.run import Reconciled, reconcile

__all__ = ["Reconciled", "reconcile"]
