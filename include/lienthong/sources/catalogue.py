"""The national procedure database as rows: pulled whole from the portal, flattened to one row a procedure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.mapi import Catalogue, Mapi
from lienthong.settings import Settings
from lienthong.sources.shapes import Shape
from lienthong.sources.text import as_text, require_columns

PLACES = {
    "ma_tthc": "MATTHC", "ten_tthc": "TENTTHC", "ma_linh_vuc": "LINHVUCTHUCHIEN", "ten_linh_vuc": "LINHVUCTHUCHIEN",
    "cap_thuc_hien": "CAPTHUCHIEN", "thoi_gian_giai_quyet": "CACHTHUCTHUCHIEN", "don_vi_tinh": "CACHTHUCTHUCHIEN",
    "co_phi": "CACHTHUCTHUCHIEN", "trang_thai": "TRANGTHAI", "ma_ket_qua": "KETQUATHUCHIEN",
}  # fmt: skip
"""Where in a procedure each column comes from: a place that no procedure has is a column that the service dropped."""


class CatalogueSource:
    """LayDanhSachTTHC and LayThuTuc of the portal behind a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def read(self, contract: Contract, window: Window) -> Iterator[list[tuple[str | None, ...]]]:
        """Give every procedure of today's list; the portal keeps no past, so the window only names the run."""
        del window
        client = Mapi(self.connection, Settings.from_env().agency)
        rows, given = [], set[str]()
        try:
            for item in Catalogue(client).procedures_in_full():
                rows.append(flatten(item))
                given |= item.keys()
        finally:
            client.close()
        if rows:
            # What the service gives beside its columns is the matter of its own protocol, which grows.
            present = (name for name, place in PLACES.items() if place in given)
            require_columns(contract, self.connection.name, Shape.header(present))
        yield [tuple(as_text(row.get(name)) for name in contract.names) for row in rows]


def flatten(item: Mapping[str, Any]) -> dict[str, Any]:
    """One procedure of LayThuTuc (UPPERCASE, nested) as the columns of ``thu_tuc``.

    Duration: the longest of the direct channel, else of any channel, because it bounds the due date."""
    fields = item.get("LINHVUCTHUCHIEN") or [{}]
    ways = item.get("CACHTHUCTHUCHIEN") or []
    direct = [way for way in ways if str(way.get("KENH")) == "1"] or ways
    times = [time for way in direct for time in way.get("THOIGIAN") or []]
    longest: Mapping[str, Any] = max(times, key=lambda time: _number(time.get("THOIGIANGIAIQUYET")), default={})
    fees = [fee for way in ways for time in way.get("THOIGIAN") or [] for fee in time.get("PHILEPHI") or []]
    results = item.get("KETQUATHUCHIEN") or [{}]
    return {
        "ma_tthc": item.get("MATTHC"),
        "ten_tthc": item.get("TENTTHC"),
        "ma_linh_vuc": fields[0].get("MALINHVUC"),
        "ten_linh_vuc": fields[0].get("TENLINHVUC"),
        "cap_thuc_hien": ",".join(str(level["CAPTHUCHIEN"]) for level in item.get("CAPTHUCHIEN") or []) or None,
        "thoi_gian_giai_quyet": longest.get("THOIGIANGIAIQUYET"),
        "don_vi_tinh": longest.get("DONVITINH"),
        "co_phi": "1" if any(_number(fee.get("SOTIEN")) > 0 for fee in fees) else "0",
        "trang_thai": item.get("TRANGTHAI"),
        "ma_ket_qua": results[0].get("MAKETQUA"),
    }


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
