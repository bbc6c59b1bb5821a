"""A contract in draft from what a source showed: technically whole, and marked wherever a person must still decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lienthong.contracts import TO_REVIEW, Contract
from lienthong.onboarding import guess, words
from lienthong.onboarding.guess import Guess
from lienthong.onboarding.inspect import Seen
from lienthong.sources.shapes import shown_type

SCALARS = 6  # entries at the top of the file that stand close together


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose dataset it is: the folder of the contract, the name, and the mailbox for findings."""

    folder: str
    name: str
    mail: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed of one dataset."""

    dataset: str
    owner: Owner
    seen: Seen
    columns: tuple[Guess, ...]
    key: tuple[str, ...]
    cursor: str | None
    titles: Mapping[str, str]

    @property
    def mode(self) -> str:
        """Whether changes or whole lists are read."""
        return "incremental" if self.cursor else "snapshot"


def propose(
    dataset: str, owner: Owner, seen: Seen, contracts: Mapping[str, Contract], key: tuple[str, ...] = ()
) -> Proposal:
    """The columns with their types, classes, codes and rules, the key, the mode and its cursor."""
    found = guess.columns(seen, contracts)
    cursor = next(
        (
            one.name
            for one in found
            if not seen.place.in_files and words.tells_change(one.name) and one.type == "timestamp" and one.filled == 1
        ),
        None,
    )
    named = guess.key(dataset, found, seen, key)
    kept = guess.bearable(found, (*named, cursor))
    return Proposal(dataset, owner, seen, tuple(kept), named, cursor, _titles(contracts))


def _titles(contracts: Mapping[str, Contract]) -> dict[str, str]:
    """What columns are called in several contracts, which agree; a word that is said once may mean another thing."""
    said: dict[str, list[str]] = {}
    for contract in contracts.values():
        for column in contract.columns:
            said.setdefault(column.name, []).append(column.title.replace(", ", "/"))
    return {name: titles[0] for name, titles in said.items() if len(titles) > 1 and len(set(titles)) == 1}


def text(proposal: Proposal) -> str:
    """The contract file; the remarks at its top say what was looked at."""
    parts = []
    for name, value in _document(proposal).items():
        parts.append(yaml.dump({name: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))
    head = "".join(f"# {line}\n" for line in _remarks(proposal))
    return head + "".join(parts[:SCALARS]) + "".join("\n" + part for part in parts[SCALARS:])


class _Dumper(yaml.SafeDumper):
    """Lists a step to the right of what holds them, as in the other contracts."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def _remarks(proposal: Proposal) -> Iterator[str]:
    seen = proposal.seen
    yield f"Đề xuất từ nguồn {seen.place.connection.name} ({seen.place.kind}), xem {len(seen.rows)} dòng đầu."
    yield f"Mỗi chỗ có {TO_REVIEW} cần một người xác nhận hoặc sửa, rồi bỏ dấu đó; sau cùng đổi status thành active."
    if seen.unusable:
        yield f"Cột không đọc được vì tên không dùng được: {', '.join(seen.unusable)}. Đề nghị nguồn đặt lại tên."
    odd = [
        name for name in seen.names if any(not part.isalpha() or set(part) & set("fjwz") for part in name.split("_"))
    ]
    if odd:
        yield f"Tên cột chưa theo từ ngữ của văn bản (tiếng Việt không dấu): {', '.join(odd)}."


def _document(proposal: Proposal) -> dict[str, Any]:
    dataset, seen = proposal.dataset, proposal.seen
    source = {"connection": seen.place.connection.name, "reader": seen.place.reader}
    custom: dict[str, Any] = {"mode": proposal.mode, "master": "province", "content": "goc", "cursor": proposal.cursor}
    custom |= {"orderKey": proposal.key[0], "blockShare": 0.2}
    custom |= {} if proposal.cursor else {"deleteBrake": 0.1}
    return {
        "kind": "DataContract",
        "apiVersion": "v3.1.0",
        "id": dataset,
        "name": f"Bộ dữ liệu {dataset} ({TO_REVIEW})",
        "version": "0.1.0",
        "status": "draft",
        "description": {
            "purpose": f"{TO_REVIEW}: bộ dữ liệu này dùng để làm gì, theo văn bản nào.",
            "usage": f"{TO_REVIEW}: ai dùng, dùng cho việc gì.",
            "limitations": f"{TO_REVIEW}: điều gì không nên suy ra từ dữ liệu này.",
        },
        "team": {"name": proposal.owner.name, "description": f"{TO_REVIEW}: phòng, trung tâm quản lý nguồn."},
        "support": [
            {
                "channel": f"du-lieu-{dataset.replace('_', '-')}",
                "tool": "email",
                "url": f"mailto:{proposal.owner.mail}",
                "scope": "issues",
                "description": f"{TO_REVIEW}: hộp thư nhận thông báo về bản ghi bị giữ lại.",
            }
        ],
        "servers": [
            {
                "server": f"nguon-{dataset.replace('_', '-')}",
                "type": "custom",
                "description": f"{TO_REVIEW}: hệ thống nào của đơn vị giữ dữ liệu này.",
                "customProperties": _properties(source),
            }
        ],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "d", "scheduler": "cron", "schedule": "0 0 * * *"},
            {
                "property": "latency",
                "value": 1,
                "unit": "d",
                "description": f"{TO_REVIEW}: thời hạn đã thống nhất với đơn vị.",
            },
        ],
        "customProperties": _properties(custom),
        "schema": [
            {
                "name": dataset,
                "logicalType": "object",
                "businessName": f"Bản ghi {dataset}",
                "description": f"{TO_REVIEW}: một dòng là một gì; khóa đề xuất là {', '.join(proposal.key)}.",
                "properties": [_property(proposal, one) for one in proposal.columns],
            }
        ],
    }


def _properties(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in given.items() if value is not None]


def _property(proposal: Proposal, one: Guess) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": one.name,
        "businessName": _title(proposal, one.name),
        "description": " ".join(_described(one)),
        "logicalType": one.type,
    }
    if one.required or one.name in proposal.key or one.name == proposal.cursor:
        made["required"] = True
    if one.name in proposal.key:
        made |= {"primaryKey": True, "primaryKeyPosition": proposal.key.index(one.name) + 1}
    made["classification"] = one.secrecy
    if one.codes:
        codes = {code: f"{TO_REVIEW}: ý nghĩa của mã {code}" for code in one.codes}
        made["customProperties"] = [{"property": "codes", "value": codes}]
    rules = list(_rules(proposal, one))
    return made | ({"quality": rules} if rules else {})


def _title(proposal: Proposal, name: str) -> str:
    return proposal.titles.get(name, f"Cột {name}")


def _described(one: Guess) -> Iterator[str]:
    yield f"{TO_REVIEW}: viết mô tả và tên gọi theo văn bản quy định."
    if one.declared:
        yield f"Nguồn khai kiểu {shown_type(one.declared)}."
    yield f"{one.filled:.0%} số dòng đã xem có giá trị."
    if one.personal and not one.certain:
        yield "Chưa rõ có phải dữ liệu cá nhân không nên tạm xếp là personal."
    if one.codes:
        yield "Các mã là những giá trị thường gặp tại nguồn; bổ sung cho đủ danh mục."


def _rules(proposal: Proposal, one: Guess) -> Iterator[dict[str, Any]]:
    title = f"«{_title(proposal, one.name)}»"
    if one.reference:
        dataset, column = one.reference
        yield _rule(
            f"{one.name}_ton_tai", "quarantine", "consistency",
            f"{title} không có trong danh mục {dataset}. Tra lại mã trong danh mục hiện hành rồi sửa ô này.",
            kind="exists_in", dataset=dataset, column=column,
        )  # fmt: skip
    if one.lengths:
        low, high = one.lengths
        said = f"phải có đúng {high} ký tự" if low == high else f"dài hơn {high} ký tự"
        yield _rule(
            f"{one.name}_do_dai", "warn", "conformity", f"{title} {said}. Kiểm tra lại và sửa ô này.",
            kind="length", **({"min": low} if low else {}), max=high,
        )  # fmt: skip
    if words.form(one.name) == "phone":
        yield _rule(
            f"{one.name}_dung_dang", "warn", "conformity",
            f"{title} không phải một số điện thoại của Việt Nam. Nhập lại một số, bắt đầu bằng 0.", kind="phone",
        )  # fmt: skip
    if words.form(one.name) == "citizen_number":
        yield _rule(
            f"{one.name}_dung_dang", "quarantine", "conformity",
            f"{title} không phải số định danh cá nhân. Đối chiếu với căn cước và nhập lại đủ 12 chữ số.",
            kind="citizen_number",
        )  # fmt: skip
    if words.tells_change(one.name) and one.type in ("date", "timestamp"):
        yield _rule(
            f"{one.name}_khong_tuong_lai", "quarantine", "timeliness",
            f"{title} ở sau kỳ đồng bộ, tức là ở tương lai. Kiểm tra lại ngày giờ rồi nhập lại.", kind="not_future",
        )  # fmt: skip


def _rule(id: str, severity: str, dimension: str, sentence: str, **implementation: Any) -> dict[str, Any]:
    return {
        "id": id,
        "type": "custom",
        "engine": "lienthong",
        "severity": severity,
        "dimension": dimension,
        "description": sentence,
        "implementation": implementation,
    }
