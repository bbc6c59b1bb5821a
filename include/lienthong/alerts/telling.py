"""A problem in the words of a letter: what happened, since when, which rules and records, and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from lienthong.alerts.facts import Place, Problem, RuleCount
from lienthong.alerts.letter import Broken, Held, Told, masked, showable, showable_code
from lienthong.alerts.words import RECEIVERS
from lienthong.batches import LOCAL
from lienthong.contracts import Column, Contract
from lienthong.rules import Rule

MOST_KEYS = 10
MOST_LINES = 20
LONGEST_LINE = 200
LONGEST_PROPOSAL = 60  # lines
NO_KEY = "(không có mã)"
HIDDEN = "•••• (đã che)"
BLOCKED_ROW = "nguon_bi_chan"
PSEUDO_RULES = {
    BLOCKED_ROW: "Bản ghi thuộc kỳ dữ liệu bị giữ lại toàn bộ. Khắc phục lỗi của cả kỳ rồi đồng bộ lại.",
    # What a comparison finds: who is master, and how the other side differs.
    "province_changed": "Hệ thống kia đã sửa bản ghi mà tỉnh là chủ quản. Bản của tỉnh được giữ và gửi lại một "
    "lần; nếu nội dung sửa là đúng, đề nghị sửa tại phần mềm của đơn vị.",
    "province_behind": "Hệ thống kia còn giữ bản cũ dù đã báo nhận bản mới. Bản của tỉnh được gửi lại một "
    "lần; nếu hôm sau vẫn vậy, đề nghị hai bên cùng kiểm tra.",
    "province_missing": "Hệ thống kia không có bản ghi này dù đã báo nhận. Bản của tỉnh được gửi lại một lần; nếu hôm "
    "sau vẫn vậy, đề nghị hai bên cùng kiểm tra.",
    "province_extra": "Hệ thống kia có bản ghi mà nguồn của tỉnh chưa từng có. Đề nghị kiểm tra: bổ sung tại phần mềm "
    "của đơn vị nếu có thật, hoặc đề nghị bên kia xóa.",
    "national_changed": "Bản sao tại đơn vị đã bị sửa khác với bản gốc quốc gia. Bản gốc được giữ; đề nghị sửa lại bản "
    "sao, hoặc kiến nghị cơ quan chủ quản nếu bản gốc sai.",
    "national_behind": "Bản sao tại đơn vị là bản cũ, hoặc còn giữ bản ghi đã bị xóa. Đề nghị cập nhật bản sao theo "
    "bản gốc quốc gia.",
    "national_missing": "Bản sao tại đơn vị thiếu bản ghi này. Đề nghị bổ sung bản sao theo bản gốc quốc gia.",
    "national_extra": "Bản sao tại đơn vị có bản ghi mà bản gốc quốc gia không có. Đề nghị kiểm tra, và kiến nghị cơ "
    "quan chủ quản bổ sung nếu có thật.",
    # What a reconciliation finds.
    "doi_soat_missing": "Nơi nhận đã báo nhận nhưng hiện không còn giữ bản ghi này. Xem lại với nơi nhận rồi cho gửi "
    "lại.",
    "doi_soat_different": "Nơi nhận đang giữ nội dung khác với phiên bản đã báo nhận gần nhất. Kiểm tra nguyên nhân "
    "rồi cho gửi lại.",
    "doi_soat_extra": "Nơi nhận giữ bản ghi mà tỉnh chưa từng gửi thành công. Hệ thống không xóa; đề nghị hỏi nơi "
    "nhận.",
    "doi_soat_unaccounted": "Kho dữ liệu có phiên bản mà không rõ đã gửi hay chưa. Đây là lỗi của hệ thống, cần người "
    "quản trị kiểm tra.",
    "doi_soat_orphan": "Có biên nhận của bản ghi mà kho dữ liệu hoặc hàng đợi gửi không có. Kho có thể vừa được khôi "
    "phục từ bản sao lưu.",
}
UNKNOWN_RULE = "Quy tắc này không còn áp dụng; bản ghi sẽ được kiểm tra lại theo quy tắc hiện hành."
TO_DO = {
    "blocked": (
        "Đề nghị kiểm tra lại cách nhập hoặc xuất dữ liệu của kỳ này (thường do lệch cột, sai biểu mẫu hoặc nhập hàng "
        "loạt), sửa tại phần mềm của đơn vị theo từng nội dung dưới đây. Dữ liệu đã sửa được nhận ở lần đồng bộ sau."
    ),
    "source_down": (
        "Đề nghị kiểm tra máy chủ, đường truyền, tài khoản kết nối hoặc tệp phải nộp. Khi nguồn hoạt động trở lại, hệ "
        "thống tự đọc bù các kỳ còn thiếu, đơn vị không phải gửi lại."
    ),
    "schema_drift": (
        "Đề nghị khôi phục cấu trúc dữ liệu đã thống nhất (tên cột, định dạng tệp). Nếu cần thay đổi, xin báo trước "
        "cho cơ quan quản lý cơ sở dữ liệu để cập nhật."
    ),
    "rows": (
        "Đề nghị sửa từng bản ghi tại phần mềm của đơn vị theo nội dung dưới đây; danh sách đầy đủ ở tệp đính kèm. Bản "
        "ghi đã sửa được tự động nhận ở lần đồng bộ sau, không cần trả lời thư này."
    ),
    "warnings": (
        "Các bản ghi này vẫn được đồng bộ. Đề nghị rà soát và sửa tại phần mềm của đơn vị để nâng chất lượng dữ liệu."
    ),
    "shrunk": (
        "Đề nghị kiểm tra nguồn: tệp có bị cắt, bảng có bị lọc hoặc xóa nhầm không, rồi nộp hoặc mở lại đầy đủ. Nếu số "
        "bản ghi thật sự giảm, xin báo cho bộ phận quản trị dữ liệu của tỉnh để cho phép."
    ),
    "conflict": (
        "Đề nghị xem từng nội dung dưới đây. Dữ liệu do tỉnh chủ quản được gửi lại tự động; bản sao của dữ liệu quốc "
        "gia phải được sửa tại hệ thống giữ bản sao."
    ),
    "unreconciled": (
        "Đề nghị bộ phận quản trị dữ liệu của tỉnh xem từng nội dung dưới đây ở trang Đối soát, làm rõ với nơi nhận, "
        "rồi cho gửi lại bản ghi bị mất hoặc bị khác."
    ),
    "ended_code": (
        "Đề nghị thay mã cũ bằng mã thay thế tại phần mềm của đơn vị. Bản ghi đã sửa được tự động nhận ở lần đồng bộ "
        "sau."
    ),
    "stale": (
        "Đề nghị kiểm tra việc cập nhật và kết nối của nguồn dữ liệu. Nếu nguồn vẫn hoạt động bình thường, xin báo cho "
        "bộ phận quản trị dữ liệu của tỉnh."
    ),
}
PLATFORM = "Toàn hệ thống"
ALL_SOURCES = "Tất cả các nguồn"
PLATFORM_TO_DO = (
    "Đề nghị kiểm tra ngay bộ lập lịch, các dịch vụ và cơ sở dữ liệu của hệ thống: không nguồn nào có dữ liệu mới, nên "
    "nguyên nhân khó nằm ở các đơn vị."
)


class Teller:
    """Says what a letter may say; no value of a personal column and no character that acts leaves it."""

    def __init__(
        self, contracts: Mapping[str, Contract], units: Mapping[str, str], held: Mapping[Place, list[RuleCount]]
    ) -> None:
        self._contracts = contracts
        self._units = units
        self._held = held

    def told(self, problem: Problem, state: str) -> Told:
        """The problem with its rules and record keys; one that is mended without them."""
        contract = self._contracts.get(problem.dataset)
        first, last = problem.first_window, problem.last_window
        return Told(
            problem=problem.problem_id,
            kind=problem.kind,
            state=state,
            dataset=problem.dataset,
            title=contract.title if contract else problem.dataset,
            source=showable(problem.source),
            source_name=self.source_name(problem),
            first_window=_day(first),
            last_window=_day(last),
            since=problem.since.astimezone(LOCAL).isoformat(timespec="seconds"),
            count=problem.count,
            reason=_reason(problem),
            how_to_mend=PLATFORM_TO_DO if problem.of_platform else TO_DO[problem.kind],
            rules=() if state == "mended" else tuple(self._broken(problem)),
            lines=() if state == "mended" else tuple(_lines_of(problem)),
            proposal=() if state == "mended" else tuple(_proposal_of(problem)),
        )

    def source_name(self, problem: Problem) -> str:
        """The unit's name, or who owns the dataset when it has one source."""
        contract = self._contracts.get(problem.dataset)
        if problem.of_platform:
            return ALL_SOURCES if contract else PLATFORM
        if problem.of_receiver:
            return RECEIVERS.get(problem.source, showable(problem.source))
        if contract is not None and contract.source.for_each is None:
            return showable(contract.owner)
        return showable(self._units.get(problem.source, problem.source))

    def _broken(self, problem: Problem) -> Iterator[Broken]:
        if problem.kind == "ended_code":
            yield from self._ended(problem)
            return
        held = {item.rule: item for item in self._held.get(problem.place, ())}
        if problem.kind == "rows":
            counts = {rule: item.count for rule, item in held.items()}
        else:
            counts = problem.details.get("rules", {})
        noted = problem.details.get("keys", {})
        rules = self._rules(problem.dataset)
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            rule = rules.get(name)
            keys = held[name].keys if name in held else noted.get(name, ())
            yield Broken(
                rule=name,
                sentence=_sentence(name, rule),
                dimension=rule.dimension if rule else "",
                severity=rule.severity if rule else "quarantine",
                count=0 if rule and rule.about_window else count,  # such a rule counts sources, not records
                keys=tuple(map(_key, keys[:MOST_KEYS])),
            )

    def _ended(self, problem: Problem) -> Iterator[Broken]:
        """One line for each ended code, with the code that takes its place; of a personal column, and of one that no
        contract knows, only how many."""
        contract = self._contracts.get(problem.dataset)
        columns = {column.name: column for column in contract.columns} if contract else {}
        titles = {name: column.title for name, column in columns.items()}
        shown = {name for name, column in columns.items() if not column.personal}
        codes = problem.details.get("codes", ())
        hidden = Counter[str]()
        for item in codes:
            if item["column"] not in shown:
                hidden[item["column"]] += item["count"]
        for name, count in hidden.items():
            yield Broken(
                rule=f"{name}_het_hieu_luc",
                sentence=f"«{titles.get(name, name)}» ghi mã đã hết hiệu lực (mã đã che).",
                dimension="timeliness",
                severity="warn",
                count=count,
                keys=(),
            )
        for item in codes:
            if item["column"] not in shown:
                continue
            code, successor = showable(str(item["code"])), showable(str(item["successor"] or ""))
            instead = f"thay bằng mã {successor}" if successor else "chưa có mã thay thế, hỏi cơ quan quản lý danh mục"
            ended = date.fromisoformat(item["ended"])
            yield Broken(
                rule=f"{item['column']}_het_hieu_luc",
                sentence=f"«{titles.get(item['column'], item['column'])}» ghi mã {code} đã hết hiệu lực từ "
                f"{ended:%d/%m/%Y}; {instead}.",
                dimension="timeliness",
                severity="warn",
                count=item["count"],
                keys=tuple(map(_key, item["keys"][:MOST_KEYS])),
            )

    def _rules(self, dataset: str) -> dict[str, Rule]:
        contract = self._contracts.get(dataset)
        return {rule.id: rule for rule in contract.rules} if contract else {}

    def held(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Held]:
        """The lines of the attachment: for each row each rule, for each rule the columns that show it."""
        for row in rows:
            contract = self._contracts.get(row["dataset"])
            if contract is None:
                continue
            rules = self._rules(contract.dataset)
            columns = {column.name: column for column in contract.columns}
            raw = row["raw"]
            line = Held(
                dataset=contract.dataset,
                title=contract.title,
                record_key=_key(row["record_key"]),
                reference=masked(raw.get(contract.order_key), columns[contract.order_key]),
                window=_day(row["window_start"]),
                line=str(row.get("line") or ""),
                rule="", sentence="", column="", column_title="", value="",
            )  # fmt: skip
            slipped = not _is_code(row["record_key"])
            if slipped:
                line = replace(line, reference="")
            for name in row["rules"]:
                line = replace(line, rule=name, sentence=_sentence(name, rules.get(name)))
                for one in _lines(line, rules.get(name), columns, raw):
                    yield replace(one, value=HIDDEN) if slipped and one.value else one


def without_keys(told: Told) -> Told:
    """The problem as others than its owner may read it: counts, and no record."""
    return replace(told, rules=tuple(replace(rule, keys=()) for rule in told.rules))


def without_proposal(told: Told) -> Told:
    """The problem as those who do not keep the contracts read it."""
    return replace(told, proposal=())


def _lines_of(problem: Problem) -> Iterator[str]:
    for line in list(problem.details.get("lines", ()))[:MOST_LINES]:
        yield showable(str(line), LONGEST_LINE)


def _proposal_of(problem: Problem) -> Iterator[str]:
    lines = str(problem.details.get("proposal", "")).splitlines()
    for line in lines[:LONGEST_PROPOSAL]:
        yield showable_code(line, LONGEST_LINE)
    if len(lines) > LONGEST_PROPOSAL:
        yield "# … (xem toàn bộ: lienthong sources show)"


def _lines(line: Held, rule: Rule | None, columns: Mapping[str, Column], raw: Mapping[str, Any]) -> Iterator[Held]:
    named = [columns[name] for name in rule.columns if name in columns] if rule else []
    if rule is not None and rule.kind == "legal_characters":
        named = [column for column in named if {"\u2400", "\ufffd"} & set(raw.get(column.name) or "")]
    if not 0 < len(named) <= 3:
        yield replace(line, column="", column_title=", ".join(column.title for column in named[:3]), value="")
        return
    for column in named:
        value = masked(raw.get(column.name), column)
        yield replace(line, column=column.name, column_title=column.title, value=value)


def _sentence(name: str, rule: Rule | None) -> str:
    return rule.sentence if rule else PSEUDO_RULES.get(name, UNKNOWN_RULE)


def _key(key: str) -> str:
    if key.startswith("row:"):
        return NO_KEY
    return showable(key) if _is_code(key) else HIDDEN


def _is_code(key: str) -> bool:
    """Whether a key can be one: where columns have slipped, a person's name may stand in its place."""
    return key.isascii() and not re.search(r"[A-Za-z]\s+[A-Za-z]", key)


def _day(window: datetime | None) -> str:
    return window.astimezone(LOCAL).date().isoformat() if window else ""


def _reason(problem: Problem) -> str:
    """Why, in a sentence; empty for problems of rows, whose rules say it."""
    if problem.kind == "blocked":
        return "Lý do: quá nhiều bản ghi có lỗi, hoặc có lỗi thuộc loại phải dừng tiếp nhận cả kỳ."
    if problem.kind == "schema_drift" and problem.details.get("lines"):
        return "So với cấu trúc đã được chấp nhận, nguồn dữ liệu khác ở các điểm sau."
    if problem.kind in ("source_down", "schema_drift"):
        detail = showable(str(problem.details.get("reason") or ""), 300)
        return f"Chi tiết kỹ thuật: {detail}" if detail else ""
    if problem.kind == "shrunk":
        details = problem.details
        return f"Kho dữ liệu có {details['held']} bản ghi; {details['gone']} bản ghi trong số đó không còn ở nguồn."
    if problem.kind == "stale":
        if problem.last_window is None:
            return "Chưa nhận được dữ liệu nào."
        last = (problem.last_window - timedelta(seconds=1)).astimezone(LOCAL)
        return f"Kỳ dữ liệu đầy đủ gần nhất là ngày {last:%d/%m/%Y}; từ đó chưa có kỳ nào mới."
    return ""
