"""The national public-service portal: dossiers, then their progress steps, over mapi.

The portal gives one answer for a whole array, so a refusal of several records says nothing about each: the array
is sent again in parts until the refused record stands alone. The order of items is kept throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lienthong.connections import Connection
from lienthong.contracts import Contract
from lienthong.endpoints.holding import Held, Holding, Part
from lienthong.endpoints.portal_list import PortalList, mark_of
from lienthong.endpoints.protocol import Delivery, Feed, Item, Outcome
from lienthong.errors import LienThongError, ReceiverRefused, TryAgain
from lienthong.mapi import Answer, Call, Mapi, NoAnswer, NotTaken, TooLarge, mask, personal_values, says_only_success

DOSSIERS = "ho_so"
STEPS = "tien_trinh"
SERVICES = {DOSSIERS: "DongBoHoSoMC", STEPS: "CapNhatTienDoHoSoMC"}

FOUND_BY_LOOKUP = "tra_cuu"
"""Code of a receipt that rests on TraCuuHoSo instead of the lost answer."""
EXISTS_CODES = ("3", "-3")
EXISTS = ("đã tồn tại",)
UNKNOWN = ("không tồn tại",)
BUSY = ("quá tải", "hệ thống bận", "hệ thống đang bận", "đang bảo trì", "vui lòng thử lại")
STOP_CODES = ("-300", "-301", "-302", "-303", "-304")
"""Unit code or key empty or wrong: no record is at fault, so none may become a dead letter."""


class NationalPortal:
    """Turns dossiers and steps into mapi pushes and the portal's answers into verdicts."""

    name = "national_portal"
    hang_on: ClassVar = {STEPS: DOSSIERS}
    """What the portal loses together with something else."""

    def __init__(
        self, connection: Connection, agency: str = "H15", contracts: Mapping[str, Contract] | None = None
    ) -> None:
        del contracts  # the protocol takes dossiers and steps, whatever else is bound to it
        self.client = Mapi(connection, agency)
        options = self.client.options
        self.in_flight = options.in_flight
        self.feeds: tuple[Feed, ...] = (
            Feed(DOSSIERS, options.dossiers_per_request),
            Feed(STEPS, options.steps_per_request, parent=DOSSIERS),
        )
        self._list = PortalList(self.client, connection)
        # Steps cannot be listed: they are sent again with the dossier that was lost.
        unit = "" if self._list.by == "none" else "ma_don_vi"
        self.holdings = (Holding(DOSSIERS, self._list.fields, unit_column=unit, day_column="ngay_tiep_nhan"),)

    def close(self) -> None:
        """Close the connections to the portal."""
        self.client.close()

    def holds(self, part: Part, calls: list[Call]) -> Iterator[Held]:
        """The dossiers of one unit and range of days (DanhSachHoSo)."""
        return self._list.dossiers(part, calls)

    def look_up(self, dataset: str, name: str, calls: list[Call]) -> Held | None:
        """One dossier (TraCuuHoSo)."""
        del dataset
        return self._list.dossier(name, calls)

    def group(self, feed: Feed, items: Sequence[Item]) -> list[list[Item]]:
        """One request creates or updates, never both; the steps of one dossier share a request."""
        if feed.dataset == DOSSIERS:
            halves = ([i for i in items if i.known is known] for known in (False, True))
            return [chunk for half in halves for chunk in _chunks(half, feed.per_request)]
        return _packed(items, feed.per_request)

    def deliver(self, items: Sequence[Item]) -> Delivery:
        """Send dossiers of one kind (new or known) or steps; every item gets a verdict."""
        delivery = Delivery()
        self._send(list(items), items[0].known, delivery)
        return delivery

    def resolve(self, items: Sequence[Item]) -> Delivery:
        """Dossiers are looked up, and sent again unless the lookup proves that this version arrived. Steps are
        sent again: the portal ignores the repetition of a step."""
        delivery = Delivery()
        if items[0].dataset == STEPS:
            self._send_again(items, False, delivery)
            return delivery
        held: list[Item] = []
        missing: list[Item] = []
        for place, item in enumerate(items):
            try:
                found, answer = self.client.look_up(item.record_key, delivery.calls)
            except (TryAgain, ReceiverRefused) as error:
                delivery.trouble = error
                # A record whose very lookup gets no answer has had its try, or it would come first for ever.
                failed = Outcome.IN_DOUBT if isinstance(error, NoAnswer) else Outcome.NOT_TAKEN
                delivery.settle([item], failed, message=str(error))
                delivery.settle(items[place + 1 :], Outcome.NOT_TAKEN)
                break
            if found is None:
                missing.append(item)
            elif _proves(found, item):
                delivery.settle([item], Outcome.ACCEPTED, code=FOUND_BY_LOOKUP, request_id=answer.request_id)
            else:
                held.append(item)
        self._send_again(missing, False, delivery)
        self._send_again(held, True, delivery)
        return delivery

    def _send_again(self, items: Sequence[Item], updating: bool, delivery: Delivery) -> None:
        """Together what merely lost its sender, singly what got no answer: one record may be what the portal
        chokes on, and its neighbours must not share its fate."""
        self._send([item for item in items if not item.attempts], updating, delivery)
        for item in items:
            if item.attempts:
                self._send([item], updating, delivery)

    def _send(self, items: list[Item], updating: bool, delivery: Delivery, first: Answer | None = None) -> None:
        """One request for ``items``, or more until each has its verdict.

        ``first`` is the answer that turned creating into updating or the reverse, which happens once."""
        items = _unless_held(items, delivery)
        if not items:
            return
        if delivery.trouble:
            delivery.settle(items, Outcome.NOT_TAKEN)
            return
        answer = self._ask(items, updating, delivery)
        if answer is None:
            return
        if answer.accepted:
            delivery.settle(items, Outcome.ACCEPTED, **_said(answer))
        elif (trouble := _not_about_records(answer, self.name)) is not None:
            delivery.trouble = trouble
            delivery.settle(items, Outcome.NOT_TAKEN, **_said(answer))
        elif len(items) > 1:
            for part in _parts(items, answer):
                self._send(part, updating, delivery)
        else:
            self._judge(items[0], updating, answer, delivery, first)

    def _judge(self, item: Item, updating: bool, answer: Answer, delivery: Delivery, first: Answer | None) -> None:
        """What the refusal of a single record means."""
        if item.dataset == STEPS:
            # A step whose accepted dossier is gone at the portal waits until the dossier has been sent again.
            outcome = Outcome.TRY_AGAIN if answer.says(*UNKNOWN) else Outcome.REFUSED
            delivery.settle([item], outcome, **_said(answer))
        elif not _is_other_way(answer, updating):
            delivery.settle([item], Outcome.REFUSED, **_said(answer))
        elif first is None:
            self._send([item], not updating, delivery, first=answer)
        else:
            # Neither way is open: what the first answer called missing was not the dossier but part of it.
            delivery.settle([item], Outcome.REFUSED, **_said(first))

    def _ask(self, items: list[Item], updating: bool, delivery: Delivery) -> Answer | None:
        """The portal's answer, or None when there is none and the items have their verdict."""
        dataset = items[0].dataset
        parameters = {"isUpdating": "True" if updating else "False"} if dataset == DOSSIERS else {}
        bodies = [item.body for item in items]
        codes = {item.order_key for item in items}

        def hide(words: str) -> str:
            return mask(words, () if says_only_success(words) else personal_values(bodies), codes)

        try:
            return self.client.call(SERVICES[dataset], parameters, bodies, mask=hide, calls=delivery.calls)
        except TooLarge as error:
            if len(items) > 1:
                for part in _halves(items):
                    self._send(part, updating, delivery)
            else:
                delivery.settle(items, Outcome.REFUSED, code="413", message=str(error))
        except (NotTaken, ReceiverRefused) as error:
            delivery.trouble = error
            delivery.settle(items, Outcome.NOT_TAKEN)
        except NoAnswer as error:
            delivery.trouble = error
            delivery.settle(items, Outcome.IN_DOUBT, message=str(error))
        return None


def _proves(found: dict[str, Any], item: Item) -> bool:
    """Whether the portal holds this very version: the version before it must look different, or be none."""
    if mark_of(found) != item.mark:
        return False
    return not item.known or item.mark_before not in (None, item.mark)


def _said(answer: Answer) -> dict[str, str]:
    return {"code": answer.code, "message": answer.message, "request_id": answer.request_id}


def _not_about_records(answer: Answer, name: str) -> LienThongError | None:
    """The error behind an answer that judges the sender or the moment instead of the records."""
    if answer.code in STOP_CODES:
        return ReceiverRefused(
            f"{name}: the portal refuses our unit code or key (code {answer.code}). "
            f"Whoever maintains connection {name!r} can mend madonvi."
        )
    if answer.says(*BUSY):
        return NotTaken(f"{name}: the portal says that it is busy (code {answer.code}).")
    return None


def _is_other_way(answer: Answer, updating: bool) -> bool:
    """Whether an update found nothing to update, or a creation found the record there."""
    if updating:
        return answer.says(*UNKNOWN)
    return answer.code in EXISTS_CODES or answer.says(*EXISTS)


def _unless_held(items: list[Item], delivery: Delivery) -> list[Item]:
    """The items without the steps that follow one which must be tried again."""
    held = {v.item.order_key for v in delivery.verdicts if v.outcome is Outcome.TRY_AGAIN}
    if not held:
        return items
    delivery.settle([item for item in items if item.order_key in held], Outcome.NOT_TAKEN)
    return [item for item in items if item.order_key not in held]


def _parts(items: list[Item], answer: Answer) -> list[list[Item]]:
    """The dossiers that the answer names apart from the others; without a name, halves."""
    named = [item for item in items if answer.says(item.order_key.casefold())]
    others = [item for item in items if not answer.says(item.order_key.casefold())]
    return [others, named] if named and others else _halves(items)


def _halves(items: list[Item]) -> list[list[Item]]:
    middle = (len(items) + 1) // 2
    return [items[:middle], items[middle:]]


def _chunks(items: list[Item], size: int) -> list[list[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _packed(items: Sequence[Item], size: int) -> list[list[Item]]:
    """Requests of at most ``size`` steps, first fit; no dossier is in two of them."""
    dossiers: dict[str, list[Item]] = {}
    for item in items:
        dossiers.setdefault(item.order_key, []).append(item)
    requests: list[list[Item]] = []
    room: list[list[Item]] = []
    for steps in dossiers.values():
        target = next((request for request in room if len(request) + len(steps) <= size), None)
        if target is None:
            target = []
            requests.append(target)
            room.append(target)
        target.extend(steps)
        room = [request for request in room if len(request) < size]
    return requests
