"""A contract file is read whole or refused with its line: ODCS v3.1, then our own stricter reading.

``odcs`` checks the standard. What it leaves free (``customProperties``, ``implementation``) is checked here, and
what it allows but nothing here acts on is refused: a promise that nobody keeps is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from lienthong.errors import ContractError
from lienthong.odcs import Document
from lienthong.rules import KINDS, SEVERITIES, SQL_TYPES, VALIDITY, Rule

MODES = ("incremental", "snapshot")
MASTERS = ("province", "national")
CONTENTS = ("goc", "dac_ta", "chu", "danh_muc", "giao_dich", "tong_hop", "phan_tich", "mo")
"""Kinds of content of a province's shared database, in the words of the national data framework (QĐ 2439/QĐ-TTg):
original, metadata, master, reference, transaction, aggregate, analytical, open."""
CLASSES = ("public", "internal", "personal", "sensitive")
MOST_RULES = 63  # of each consequence: one bit each in a bigint, without its sign


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset: its name, type, title in Vietnamese, class of confidentiality and codes."""

    name: str
    type: str
    title: str
    classification: str
    codes: Mapping[str, str]
    """The closed list of codes and their meanings; empty when any value is allowed."""

    @property
    def sql_type(self) -> str:
        """Type of the column in ``core``."""
        return SQL_TYPES[self.type]

    @property
    def personal(self) -> bool:
        """Whether a value of the column may never leave the restricted tables."""
        return self.classification in ("personal", "sensitive")


@dataclass(frozen=True, slots=True)
class Channel:
    """One entry under ``support``: ``tool`` is ``email`` or ``apprise``, ``address`` a mailbox or the name of an
    Airflow connection; ``scope`` ``issues`` is where findings about the data go."""

    tool: str
    scope: str
    address: str


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How the sources of a dataset are found: one named connection, or one for each row of another dataset."""

    connection: str
    reader: str | None
    for_each: str | None

    def name_for(self, member: str) -> str:
        """Connection of one member, e.g. ``H15.102`` in ``unit_{member}`` gives ``unit_h15_102``."""
        return self.connection.replace("{member}", member.lower().replace(".", "_"))


@dataclass(frozen=True, slots=True)
class Contract:
    """What one dataset is: owner, sources, columns, key, cursor, rules, schedule, service levels, endpoints."""

    dataset: str
    title: str
    version: str
    owner: str
    purpose: str
    master: str
    mode: str
    key: tuple[str, ...]
    cursor: str | None
    order_key: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...]
    source: SourceSpec
    endpoints: tuple[str, ...]
    schedule: str
    block_share: float
    delete_brake: float
    path: Path

    support: tuple[Channel, ...] = ()
    latency: timedelta = timedelta(days=1)
    """How long after the end of a window its rows are promised to be in the warehouse."""
    down_tolerance: timedelta = timedelta(hours=6)
    """How long a source may be down before its owner is told at once."""
    shared_database: int | None = None
    """Number of the shared database of the province to which the dataset belongs."""
    content: str = "goc"
    """Kind of content, one of ``CONTENTS``."""
    counterpart: SourceSpec | None = None
    """The other holder of the same records: what it holds is compared with ours, and ``master`` says who is right."""

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the order of the contract."""
        return tuple(column.name for column in self.columns)

    @property
    def references(self) -> tuple[str, ...]:
        """Datasets that must be in place before this one can be judged, without itself."""
        found = {rule.reference for rule in self.rules if rule.reference}
        if self.source.for_each:
            found.add(self.source.for_each)
        return tuple(sorted(found - {self.dataset}))

    @property
    def rejecting(self) -> tuple[Rule, ...]:
        """Rules that keep a row out of ``core``; the place of a rule here is its bit in the marks."""
        return tuple(rule for rule in self.rules if rule.rejects and not rule.about_window)

    @property
    def warning(self) -> tuple[Rule, ...]:
        """Rules that speak about a row without keeping it out; the place of a rule here is its bit in the marks."""
        return tuple(rule for rule in self.rules if not rule.rejects and not rule.about_window)

    @property
    def window_rules(self) -> tuple[Rule, ...]:
        """Rules about what a source gave as a whole, beside what it gave before."""
        return tuple(rule for rule in self.rules if rule.about_window)

    @property
    def samples(self) -> Path:
        """The rows that prove each rule."""
        return self.path.with_name(f"{self.dataset}.samples.csv")


def load_all(folder: Path) -> dict[str, Contract]:
    """Read every contract below ``folder``, by dataset, references before those who refer to them."""
    contracts: dict[str, Contract] = {}
    for path in sorted(folder.glob("*/*.odcs.yaml")):
        contract = load(path)
        if contract.dataset in contracts:
            other = contracts[contract.dataset].path
            raise ContractError(f"{path.name}: dataset {contract.dataset!r} already stands in {other.name}.")
        contracts[contract.dataset] = contract
    if not contracts:
        raise ContractError(f"No contract (*/*.odcs.yaml) below {folder.name}/. Is the folder complete?")
    return _in_order(contracts)


def _in_order(contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    ordered: dict[str, Contract] = {}
    waiting = dict(contracts)
    for contract in contracts.values():
        _check_references(contract, contracts)
    while waiting:
        ready = [c for c in waiting.values() if not set(c.references) & set(waiting)]
        if not ready:
            raise ContractError(f"Contracts refer to each other in a circle: {', '.join(sorted(waiting))}.")
        for contract in ready:
            ordered[contract.dataset] = waiting.pop(contract.dataset)
    return ordered


def _check_references(contract: Contract, contracts: Mapping[str, Contract]) -> None:
    for name in contract.references:
        if name not in contracts:
            raise ContractError(f"{contract.path.name}: refers to {name!r}, which no contract describes.")
    for rule in contract.rules:
        if rule.reference and rule.kind != "sql":
            wanted = [rule.arguments.get("column", rule.columns[0]), *rule.arguments.get("names", [])]
            wanted += VALIDITY if "at" in rule.arguments else ()
            missing = [name for name in wanted if name not in contracts[rule.reference].names]
            if missing:
                raise ContractError(
                    f"{contract.path.name}: rule {rule.id!r} looks for {missing[0]!r} in {rule.reference}, "
                    "which has no such column."
                )


def load(path: Path) -> Contract:
    """Read one contract file; every mistake is named with file and line."""
    return _Reader(Document(path)).contract()


class _Reader:
    """Turns one document of the standard into a ``Contract``."""

    def __init__(self, document: Document) -> None:
        self.path = document.path
        self.document: dict[str, Any] = document.content
        self.fail = document.fail

    def contract(self) -> Contract:
        """The whole contract, or the first mistake."""
        document = self.document
        dataset = document["id"]
        if self.path.name != f"{dataset}.odcs.yaml":
            raise self.fail(["id"], f"id {dataset!r} must be the file's name, {self.path.name.split('.')[0]!r}.")
        if len(document.get("schema", [])) != 1:
            raise self.fail(["schema"], "exactly one schema object is expected.")
        table = document["schema"][0]
        for name in ("name", "team", "support"):
            if not document.get(name):
                raise self.fail([], f"{name!r} is missing: a dataset has a title, an owner and somebody to write to.")
        if not isinstance(document["team"], dict) or not document["team"].get("name"):
            raise self.fail(["team"], "team.name is missing: it is the owner of the dataset.")
        custom = self._custom(document, (), CONTRACT_PROPERTIES, required=("mode", "master"))
        columns = self._columns(table)
        key = _key(table["properties"])
        if not key:
            raise self.fail(["schema", 0], "no column is marked primaryKey: true.")
        self._choice(custom, "mode", MODES)
        self._choice(custom, "master", MASTERS)
        self._choice({"content": "goc", **custom}, "content", CONTENTS)
        cursor = custom.get("cursor")
        if (custom["mode"] == "incremental") != (cursor is not None):
            raise self.fail(["customProperties"], "mode incremental needs a cursor, mode snapshot has none.")
        names = {column.name for column in columns}
        for named in (cursor, custom.get("orderKey")):
            if named is not None and named not in names:
                raise self.fail(["customProperties"], f"{named!r} is not a column of {dataset}.")
        rules = tuple(self._rules(table, columns, key))
        return Contract(
            dataset=dataset,
            title=document["name"],
            version=document["version"],
            owner=document["team"]["name"],
            purpose=document.get("description", {}).get("purpose", ""),
            master=custom["master"],
            mode=custom["mode"],
            key=key,
            cursor=cursor,
            order_key=custom.get("orderKey", key[0]),
            columns=columns,
            rules=rules,
            source=self._source(None),
            endpoints=tuple(self._endpoints(custom.get("endpoints", []))),
            schedule=_schedule(document),
            block_share=self._share(custom, "blockShare", 0.5),
            delete_brake=self._share(custom, "deleteBrake", 0.2),
            path=self.path,
            support=tuple(self._support()),
            latency=self._latency(),
            down_tolerance=timedelta(hours=self._hours(custom, "downTolerance", 6)),
            shared_database=self._number(custom, "sharedDatabase"),
            content=custom.get("content", "goc"),
            counterpart=self._counterpart(),
        )

    def _choice(self, custom: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
        if custom[name] not in allowed:
            raise self.fail(["customProperties"], f"{name} must be one of {', '.join(allowed)}: {custom[name]!r}.")

    def _endpoints(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.fail(["customProperties"], f"endpoints must be a list of names: {value!r}.")
        return value

    def _share(self, custom: Mapping[str, Any], name: str, default: float) -> float:
        value = custom.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self.fail(["customProperties"], f"{name} must be a share from 0 to 1: {value!r}.")
        return float(value)

    def _hours(self, custom: Mapping[str, Any], name: str, default: float) -> float:
        value = custom.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self.fail(["customProperties"], f"{name} must be a number of hours from 0: {value!r}.")
        return float(value)

    def _number(self, custom: Mapping[str, Any], name: str) -> int | None:
        value = custom.get(name)
        if isinstance(value, bool) or not isinstance(value, int | None) or (value is not None and value < 1):
            raise self.fail(["customProperties"], f"{name} must be a whole number from 1: {value!r}.")
        return value

    def _support(self) -> Iterator[Channel]:
        for place, item in enumerate(self.document["support"]):
            tool, address = item.get("tool"), str(item.get("url", ""))
            schemes = {"email": "mailto:", "apprise": "connection:"}
            if tool not in schemes or not address.removeprefix(schemes[tool]) or not address.startswith(schemes[tool]):
                raise self.fail(
                    ["support", place],
                    "expected tool email with url mailto:<address>, or tool apprise with url connection:<name>.",
                )
            yield Channel(tool, item.get("scope", "issues"), address.removeprefix(schemes[tool]))

    def _latency(self) -> timedelta:
        for place, item in enumerate(self.document.get("slaProperties", [])):
            if item["property"] == "latency":
                unit, value = SLA_UNITS.get(item.get("unit", "d")), item["value"]
                if unit is None or isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                    raise self.fail(
                        ["slaProperties", place],
                        f"latency takes a number above 0 and a unit of {', '.join(SLA_UNITS)}.",
                    )
                return value * unit
        return timedelta(days=1)

    def _custom(
        self,
        holder: Mapping[str, Any],
        where: tuple[str | int, ...],
        known: tuple[str, ...],
        required: tuple[str, ...],
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for index, item in enumerate(holder.get("customProperties", [])):
            if item["property"] not in known:
                at = [*where, "customProperties", index]
                raise self.fail(at, f"unknown property {item['property']!r}; known: {', '.join(known)}.")
            found[item["property"]] = item["value"]
        for name in required:
            if name not in found:
                raise self.fail([*where, "customProperties"], f"property {name!r} is missing.")
        return found

    def _source(self, role: str | None) -> SourceSpec:
        """The one server of a role; without a role it is the source."""
        servers = self.document.get("servers", [])
        of_role = [place for place in range(len(servers)) if self._role(place) == role]
        if len(of_role) != 1 or servers[of_role[0]]["type"] != "custom":
            raise self.fail(
                ["servers"],
                "exactly one server of type custom is expected as the source; it names a connection. A second one "
                f"must have the role {COUNTERPART}.",
            )
        place = of_role[0]
        custom = self._custom(servers[place], ("servers", place), SERVER_PROPERTIES, required=("connection",))
        spec = SourceSpec(custom["connection"], custom.get("reader"), custom.get("forEach"))
        if ("{member}" in spec.connection) != (spec.for_each is not None):
            raise self.fail(["servers", place], "forEach and {member} in the connection's name go together.")
        if role and spec.for_each:
            raise self.fail(["servers", place], f"the {role} is one system: forEach is for sources.")
        return spec

    def _counterpart(self) -> SourceSpec | None:
        roles = [self._role(place) for place in range(len(self.document["servers"]))]
        return self._source(COUNTERPART) if COUNTERPART in roles else None

    def _role(self, place: int) -> str | None:
        server = self.document["servers"][place]
        custom = self._custom(server, ("servers", place), SERVER_PROPERTIES, required=())
        if custom.get("role") not in (None, COUNTERPART):
            raise self.fail(["servers", place], f"role is {COUNTERPART} or not given: {custom['role']!r}.")
        return custom.get("role")

    def _columns(self, table: dict[str, Any]) -> tuple[Column, ...]:
        columns: list[Column] = []
        for index, item in enumerate(table.get("properties", [])):
            column = self._column(item, ("schema", 0, "properties", index))
            if column.name in {other.name for other in columns}:
                raise self.fail(("schema", 0, "properties", index), f"column {column.name!r} stands twice.")
            columns.append(column)
        if not columns:
            raise self.fail(["schema", 0], "a dataset has columns: properties is missing.")
        return tuple(columns)

    def _column(self, item: dict[str, Any], where: tuple[str | int, ...]) -> Column:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", item["name"]) or item["name"].endswith("__raw"):
            raise self.fail(where, f"column {item['name']!r}: expected lower-case letters, digits and _.")
        kind = item.get("logicalType", "string")
        if kind not in SQL_TYPES:
            raise self.fail(where, f"logicalType {kind!r} is not one of {', '.join(SQL_TYPES)}.")
        secrecy = item.get("classification", "internal")
        if secrecy not in CLASSES:
            raise self.fail(where, f"classification {secrecy!r} is not one of {', '.join(CLASSES)}.")
        self._only(item, where, COLUMN_KEYS)
        codes = self._custom(item, where, COLUMN_PROPERTIES, required=()).get("codes", {})
        if not isinstance(codes, dict) or not all(isinstance(part, str) for pair in codes.items() for part in pair):
            raise self.fail([*where, "customProperties"], 'codes must map each code, as text, to its meaning: "1": ...')
        return Column(item["name"], kind, item.get("businessName", item["name"]), secrecy, codes)

    def _only(self, item: Mapping[str, Any], where: tuple[str | int, ...], known: tuple[str, ...]) -> None:
        for name in item:
            if name not in known:
                raise self.fail([*where, name], f"{name!r} has no effect here; known: {', '.join(known)}.")

    def _rules(self, table: dict[str, Any], columns: tuple[Column, ...], key: tuple[str, ...]) -> list[Rule]:
        rules = _derived(table["properties"], columns, key)
        for index, item in enumerate(table["properties"]):
            where = ("schema", 0, "properties", index, "quality")
            rules += [self._rule(q, (*where, i), (item["name"],)) for i, q in enumerate(item.get("quality", []))]
        for i, q in enumerate(table.get("quality", [])):
            rules.append(self._rule(q, ("schema", 0, "quality", i), ()))
        seen: set[str] = set()
        names = {column.name for column in columns}
        for rule in rules:
            if rule.id in seen:
                raise self.fail(["schema", 0], f"rule {rule.id!r} stands twice.")
            seen.add(rule.id)
            strange = [name for name in (*rule.columns, *_named(rule)) if name not in names]
            if strange:
                raise self.fail(["schema", 0], f"rule {rule.id!r} names {strange[0]!r}, which is no column.")
        rules = [self._fitting(rule, {column.name: column for column in columns}) for rule in rules]
        for rejects in (True, False):
            alike = [rule for rule in rules if rule.rejects is rejects and not rule.about_window]
            if len(alike) > MOST_RULES:
                what = "rules that reject a row" if rejects else "rules that warn"
                raise self.fail(["schema", 0], f"{len(alike)} {what}; at most {MOST_RULES} fit in one scan.")
        return rules

    def _fitting(self, rule: Rule, columns: Mapping[str, Column]) -> Rule:
        """The rule with the codes of its column, if its kind asks for them; columns of another type are refused."""
        kind = KINDS[rule.kind]
        wanted = [(name, kind.types) for name in rule.columns]
        wanted += [(rule.arguments[name], types) for name, types in kind.named.items() if name in rule.arguments]
        for name, types in wanted:
            if types and columns[name].type not in types:
                expected = " or ".join(types)
                raise self.fail(
                    ["schema", 0],
                    f"rule {rule.id!r}: kind {rule.kind} takes a column of type {expected}, {name!r} is "
                    f"{columns[name].type}.",
                )
        if not kind.coded:
            return rule
        codes = list(columns[rule.columns[0]].codes)
        if not codes:
            raise self.fail(
                ["schema", 0],
                f"rule {rule.id!r}: kind {rule.kind} takes a column with codes, {rule.columns[0]!r} has none.",
            )
        return replace(rule, arguments={**rule.arguments, "values": codes})

    def _rule(self, item: dict[str, Any], where: tuple[str | int, ...], columns: tuple[str, ...]) -> Rule:
        if item.get("type") != "custom" or item.get("engine") != "lienthong":
            raise self.fail(where, "a rule is of type custom with engine lienthong.")
        self._only(item, where, RULE_KEYS)
        for name in ("id", "severity", "dimension", "description"):
            if not item.get(name):
                raise self.fail(where, f"a rule needs {name!r}.")
        if item["severity"] not in SEVERITIES:
            raise self.fail(where, f"severity {item['severity']!r} is not one of {', '.join(SEVERITIES)}.")
        columns, arguments = self._implementation(item["implementation"], (*where, "implementation"), columns)
        kind = item["implementation"]["kind"]
        if item["severity"] == "quarantine" and KINDS[kind].about_window:
            raise self.fail(
                [*where, "severity"],
                f"kind {kind} is about all that a source gave, which cannot be set aside row by row: severity is block "
                "or warn.",
            )
        return Rule(
            id=item["id"],
            kind=kind,
            columns=columns,
            severity=item["severity"],
            dimension=item["dimension"],
            sentence=" ".join(item["description"].split()),
            arguments=arguments,
        )

    def _implementation(
        self, given: Any, where: tuple[str | int, ...], columns: tuple[str, ...]
    ) -> tuple[tuple[str, ...], dict[str, Any]]:
        if not isinstance(given, dict) or given.get("kind") not in KINDS:
            raise self.fail([*where, "kind"], f"implementation.kind is not one of {', '.join(KINDS)}.")
        arguments = dict(given)
        name = arguments.pop("kind")
        kind = KINDS[name]
        named = arguments.pop("columns", list(columns))
        known = (*kind.required, *kind.optional)
        for argument in arguments:
            if argument not in known:
                expected = ", ".join(("kind", "columns", *known))
                raise self.fail([*where, argument], f"{argument!r} is unknown to kind {name}; known: {expected}.")
        if not isinstance(named, list) or not all(isinstance(column, str) for column in named):
            raise self.fail([*where, "columns"], "columns must be a list of column names.")
        if kind.columns is not None and len(named) != kind.columns:
            raise self.fail(where, f"kind {name} takes {kind.columns} column(s), found {len(named)}.")
        if not named and kind.columns is None:
            raise self.fail([*where, "columns"], "columns must be a list of column names.")
        for argument in kind.required:
            if argument not in arguments:
                raise self.fail(where, f"kind {name} needs {argument!r}.")
        complaint = kind.check(arguments)
        if complaint:
            raise self.fail(where, f"kind {name}: {complaint}.")
        return tuple(named), arguments


CONTRACT_PROPERTIES = (
    "mode", "master", "cursor", "orderKey", "endpoints", "blockShare", "deleteBrake", "downTolerance",
    "sharedDatabase", "content",
)  # fmt: skip
SLA_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
SERVER_PROPERTIES = ("connection", "reader", "forEach", "role")
COUNTERPART = "counterpart"
COLUMN_PROPERTIES = ("codes",)
DOCUMENTATION = ("description", "tags", "authoritativeDefinitions")
COLUMN_KEYS = (
    "name", "businessName", "logicalType", "required", "primaryKey", "primaryKeyPosition", "classification",
    "quality", "customProperties", "examples", *DOCUMENTATION,
)  # fmt: skip
RULE_KEYS = ("id", "type", "engine", "severity", "dimension", "implementation", *DOCUMENTATION)


def _named(rule: Rule) -> list[str]:
    """Columns of the rule's own dataset that stand among its arguments."""
    return [rule.arguments[name] for name in KINDS[rule.kind].named if name in rule.arguments]


def _derived(items: list[dict[str, Any]], columns: tuple[Column, ...], key: tuple[str, ...]) -> list[Rule]:
    """Presence, type, key and enumerations: they follow from the schema part and are never written twice."""
    rules = []
    for item, column in zip(items, columns, strict=True):
        name, title = (column.name,), column.title
        if item.get("required") or item.get("primaryKey"):
            sentence = f"Thiếu «{title}». Nhập đủ thông tin này rồi đồng bộ lại."
            rules.append(_rule_of(f"{column.name}_bat_buoc", "required", name, "completeness", sentence))
        if column.type != "string":
            expected = TYPE_WORDS[column.type]
            sentence = f"«{title}» phải là {expected}. Sửa ô này đúng kiểu dữ liệu rồi đồng bộ lại."
            rule = _rule_of(f"{column.name}_dung_kieu", "type", name, "conformity", sentence, type=column.type)
            rules.append(rule)
        if column.codes:
            listed = ", ".join(f"{code} ({meaning})" for code, meaning in column.codes.items())
            sentence = f"«{title}» phải là một trong các mã: {listed}. Chọn lại đúng mã trong danh mục."
            values = list(column.codes)
            rule = _rule_of(f"{column.name}_trong_danh_muc", "in_set", name, "conformity", sentence, values=values)
            rules.append(rule)
    titles = ", ".join(column.title for column in columns if column.name in key)
    sentence = f"Nhiều bản ghi trùng khóa «{titles}» trong cùng kỳ. Giữ lại một bản ghi đúng và xóa các bản còn lại."
    unique = f"{key[0]}_duy_nhat" if len(key) == 1 else "khoa_duy_nhat"
    rules.append(_rule_of(unique, "unique", key, "uniqueness", sentence))
    # A broken character in any other column already breaks its type or its list of codes.
    texts = tuple(column.name for column in columns if column.type == "string" and not column.codes)
    if texts:
        sentence = "Bản ghi có ký tự hỏng (NUL hoặc không phải Unicode). Nhập lại ô bị hỏng rồi đồng bộ lại."
        rules.append(_rule_of("ky_tu_hop_le", "legal_characters", texts, "conformity", sentence))
    return rules


TYPE_WORDS = {
    "integer": "số nguyên", "number": "số", "date": "ngày", "timestamp": "ngày giờ", "boolean": "đúng/sai",
}  # fmt: skip


def _rule_of(id: str, kind: str, columns: tuple[str, ...], dimension: str, sentence: str, **arguments: Any) -> Rule:
    return Rule(id, kind, columns, "quarantine", dimension, sentence, arguments, derived=True)


def _key(items: list[dict[str, Any]]) -> tuple[str, ...]:
    marked = [item for item in items if item.get("primaryKey")]
    return tuple(item["name"] for item in sorted(marked, key=lambda item: item.get("primaryKeyPosition", 1)))


def _schedule(document: dict[str, Any]) -> str:
    for item in document.get("slaProperties", []):
        if item["property"] == "frequency" and item.get("schedule"):
            return str(item["schedule"])
    return "0 0 * * *"
