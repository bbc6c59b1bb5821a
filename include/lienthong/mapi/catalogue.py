"""Pulls of the national procedure database. Every pull is a full one and is given whole or not at all."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lienthong.errors import SourceChanged, SourceDown
from lienthong.mapi.answers import Answer
from lienthong.mapi.client import Mapi
from lienthong.mapi.transport import NoAnswer, NotTaken

Row = dict[str, Any]

TRIES = 3
LONGEST_PAUSE = 30.0


class Catalogue:
    """Lists of the national side as received: UPPERCASE keys, nothing renamed, nothing dropped."""

    def __init__(self, client: Mapi) -> None:
        self.client = client

    def procedures(self) -> list[Row]:
        """Every procedure as MATTHC and TENTTHC (LayDanhSachTTHC); never an empty or partial list."""
        return self._list("LayDanhSachTTHC", "MATTHC")

    def fields(self) -> list[Row]:
        """Every field of procedures as MALINHVUC, TENLINHVUC, MANGANH (LayDanhMucLinhVuc)."""
        return self._list("LayDanhMucLinhVuc", "MALINHVUC")

    def agencies(self) -> list[Row]:
        """Every agency of the country as MADONVI, TENDONVI, CAPDONVI (LayDanhMucCoQuan)."""
        return self._list("LayDanhMucCoQuan", "MADONVI")

    def procedure(self, ma_tthc: str) -> Row | None:
        """One full procedure (LayThuTuc), or None when the receiver knows the code no longer."""
        answer = self._pull("LayThuTuc", {"maTTHC": ma_tthc})
        rows = answer.result if isinstance(answer.result, list) else []
        if rows and isinstance(rows[0], dict) and rows[0].get("MATTHC") == ma_tthc:
            return dict(rows[0])
        if rows:
            raise self._malformed("LayThuTuc", "a procedure that bears the code asked for", "another shape")
        return None

    def procedures_in_full(self) -> Iterator[Row]:
        """Every procedure of the list with its full record, in the order of the list.

        One that is listed and has no full record comes as its list entry alone, so that the rules of its
        contract set it aside by name instead of stopping the other thousands."""
        listed = self.procedures()
        with ThreadPoolExecutor(self.client.options.pull_in_flight, "catalogue") as pool:
            full = pool.map(lambda row: self.procedure(str(row["MATTHC"])), listed)
            try:
                for row, details in zip(listed, full, strict=True):
                    yield {**row, **(details or {})}
            finally:
                pool.shutdown(cancel_futures=True)

    def _list(self, service: str, key: str) -> list[Row]:
        rows = self._pull(service, {}).result
        if isinstance(rows, dict):  # LayDVC and some adapters put the array one level lower
            rows = rows.get("data")
        if not isinstance(rows, list) or not rows:
            raise self._malformed(service, "a list with at least one entry", "none")
        wrong = sum(not (isinstance(row, dict) and isinstance(row.get(key), str) and row[key]) for row in rows)
        if wrong:
            raise self._malformed(service, f"{key} in each of {len(rows)} entries", f"{wrong} without")
        return rows

    def _pull(self, service: str, parameters: dict[str, str]) -> Answer:
        """A pull changes nothing at the receiver, so a try that failed is simply repeated."""
        for left in reversed(range(TRIES)):
            try:
                answer = self.client.call(service, parameters)
            except (NotTaken, NoAnswer) as error:
                if not left:
                    raise SourceDown(f"{service} gave nothing in {TRIES} tries. {error}") from None
                time.sleep(_pause(error.retry_after, TRIES - left))
            else:
                if not answer.accepted:
                    raise SourceDown(f"{self.client.name}: {service} was answered with code {answer.code}.")
                return answer
        raise AssertionError("unreachable")

    def _malformed(self, service: str, expected: str, found: str) -> SourceChanged:
        return SourceChanged(
            f"{self.client.name}: {service}: expected {expected}, found {found}. Nothing was taken over; "
            "the operator of the national portal can say what changed."
        )


def _pause(retry_after: float | None, tries: int) -> float:
    longest = min(LONGEST_PAUSE, 0.5 * 2**tries)
    return min(LONGEST_PAUSE, retry_after) if retry_after is not None else random.uniform(0, longest)  # noqa: S311
