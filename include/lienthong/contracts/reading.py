"""A contract file is read whole or refused with every mistake at its line: ODCS v3.1, then our own stricter reading.

``odcs`` checks the standard. What it leaves free (``customProperties``, ``implementation``) is checked here, and
what it allows but nothing here acts on is refused: a promise that nobody keeps is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from lienthong.contracts.model import (
    CLASSES,
    CONTENTS,
    MARTS,
    MASTERS,
    MODES,
    MOST_RULES,
    STATUSES,
    Channel,
    Column,
    Contract,
    SourceSpec,
)
from lienthong.errors import ContractError
from lienthong.odcs import Document
from lienthong.rules import KINDS, SEVERITIES, SQL_TYPES, Rule

T = TypeVar("T")


def load(path: Path) -> Contract:
    """Read one contract file; every mistake is named with file and line, one line of the error for each."""
    seen = path.stat()
    key = (seen.st_mtime_ns, seen.st_size)
    if path not in _read or _read[path][0] != key:
        _read[path] = key, _anew(path)
    return _read[path][1]


# Tasks are forks of a process that has read every contract already; an unchanged file is not read again.
_read: dict[Path, tuple[tuple[int, int], Contract]] = {}


def _anew(path: Path) -> Contract:
    try:
        document = Document(path)
    except ValueError:  # YAML reads 2025-02-30 as a date, and Python knows none
        raise ContractError(
            f"{path.name}:1: a date or number in the file does not exist. Put it in quotes, or correct it."
        ) from None
    reader = _Reader(document)
    if not document.mistakes:
        return reader.contract()
    # What the standard refuses may have any form; as far as it can be read, our own complaints come in the same run.
    with suppress(ContractError, LookupError, TypeError, AttributeError, ValueError):
        reader.contract()
    raise ContractError("\n".join(dict.fromkeys([*document.mistakes, *reader.mistakes])))


class _Reader:
    """Turns one document of the standard into a ``Contract``; reads on after a mistake, to find the others too."""

    def __init__(self, document: Document) -> None:
        self.path = document.path
        self.document: dict[str, Any] = document.content
        self.fail = document.fail
        self.mistakes: list[str] = []

    def contract(self) -> Contract:
        """The whole contract, or every mistake in it."""
        found = self._tried(None, self._read)
        if self.mistakes or found is None:
            raise ContractError("\n".join(dict.fromkeys(self.mistakes)))
        return found

    def _tried(self, otherwise: T, part: Callable[..., T], *given: Any) -> T:
        """What ``part`` gives; its mistake is kept, and ``otherwise`` stands for it while the rest is read."""
        try:
            return part(*given)
        except ContractError as error:
            self.mistakes.append(str(error))
            return otherwise

    def _read(self) -> Contract:
        document = self.document
        self._head()
        if len(document.get("schema", [])) != 1:
            raise self.fail(["schema"], "exactly one schema object is expected.")
        table = document["schema"][0]
        columns = self._columns(table)
        key = _key(table.get("properties", []))
        if not key:
            raise self.fail(["schema", 0], "no column is marked primaryKey: true.")
        required = ("mode", "master")
        nothing: dict[str, Any] = {}
        given = self._tried(nothing, self._custom, document, (), CONTRACT_PROPERTIES, required)
        custom = {"mode": "snapshot", "master": "province", "content": "goc", **given}
        for name, allowed in (("mode", MODES), ("master", MASTERS), ("content", CONTENTS)):
            self._tried(None, self._choice, custom, name, allowed)
        if given:
            self._tried(None, self._cursor, custom, {column.name for column in columns})
        rules = tuple(self._rules(table, columns, key, self._appending(custom, columns, key)))
        source = self._tried(SourceSpec("", None, None), self._source, None)
        counterpart = self._tried(None, self._counterpart, custom["mode"])
        return Contract(
            dataset=document["id"],
            title=document.get("name", ""),
            version=document["version"],
            owner=self._tried("", self._owner),
            purpose=document.get("description", {}).get("purpose", ""),
            master=custom["master"],
            mode=custom["mode"],
            key=key,
            cursor=custom.get("cursor"),
            order_key=custom.get("orderKey", key[0]),
            columns=columns,
            rules=rules,
            source=source,
            endpoints=tuple(self._tried([], self._endpoints, custom.get("endpoints", []))),
            schedule=_schedule(document),
            block_share=self._tried(0.5, self._share, custom, "blockShare", 0.5),
            delete_brake=self._tried(0.2, self._share, custom, "deleteBrake", 0.2),
            path=self.path,
            status=document.get("status", ""),
            support=tuple(self._support()),
            latency=self._tried(timedelta(days=1), self._latency),
            down_tolerance=timedelta(hours=self._tried(6.0, self._hours, custom, "downTolerance", 6)),
            shared_database=self._tried(None, self._number, custom, "sharedDatabase"),
            content=custom["content"],
            counterpart=counterpart,
            send_sensitive=self._tried((), self._send_sensitive, custom, columns),
            after=self._tried((), self._after, custom, source, rules),
        )

    def _head(self) -> None:
        dataset = self.document["id"]
        if self.path.name != f"{dataset}.odcs.yaml":
            expected = self.path.name.split(".")[0]
            self.mistakes.append(str(self.fail(["id"], f"id {dataset!r} must be the file's name, {expected!r}.")))
        status = self.document.get("status")  # where there is none the standard says so
        if status is not None and status not in STATUSES:
            what = f"status must be one of {', '.join(STATUSES)}: {status!r}."
            self.mistakes.append(str(self.fail(["status"], what)))
        for name in ("name", "team", "support"):
            if not self.document.get(name):
                what = f"{name!r} is missing: a dataset has a title, an owner and somebody to write to."
                self.mistakes.append(str(self.fail([], what)))

    def _owner(self) -> str:
        team = self.document.get("team")
        if team and (not isinstance(team, dict) or not team.get("name")):
            raise self.fail(["team"], "team.name is missing: it is the owner of the dataset.")
        return str(team["name"]) if team else ""

    def _cursor(self, custom: Mapping[str, Any], names: set[str]) -> None:
        cursor = custom.get("cursor")
        if (custom["mode"] != "snapshot") != (cursor is not None):
            raise self.fail(["customProperties"], "modes incremental and append need a cursor, mode snapshot has none.")
        for named in (cursor, custom.get("orderKey")):
            if named is not None and named not in names:
                raise self.fail(["customProperties"], f"{named!r} is not a column of {self.document['id']}.")

    def _appending(
        self, custom: Mapping[str, Any], columns: tuple[Column, ...], key: tuple[str, ...]
    ) -> Iterator[Rule]:
        """The rule of a list to which is only added: what stands in it is not written again with another content."""
        types = {column.name: column.type for column in columns}
        # A later cursor alone says that the record was sent again, not that it became another.
        content = tuple(name for name in types if name not in (*key, custom.get("cursor")))
        if custom["mode"] != "append" or not content or not set(key) <= set(types):
            return
        sentence = (
            "Bản ghi này đã có trong kho của tỉnh với nội dung khác; dữ liệu chỉ được thêm, không được sửa. Kiểm tra "
            "lại: nếu ghi nhận mới thì nhập thành bản ghi mới, nếu bản ghi cũ sai thì báo tỉnh để đính chính."
        )
        yield _rule_of(
            "khong_sua_ban_ghi_cu", "append_only", content, "consistency", sentence, within=self.document["id"],
            key={name: types[name] for name in key},
        )  # fmt: skip

    def _choice(self, custom: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
        if custom[name] not in allowed:
            raise self.fail(["customProperties"], f"{name} must be one of {', '.join(allowed)}: {custom[name]!r}.")

    def _endpoints(self, value: Any) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.fail(["customProperties"], f"endpoints must be a list of names: {value!r}.")
        return value

    def _send_sensitive(self, custom: Mapping[str, Any], columns: tuple[Column, ...]) -> tuple[str, ...]:
        value = custom.get("sendSensitive", [])
        sensitive = {column.name for column in columns if column.classification == "sensitive"}
        if not isinstance(value, list) or not all(name in sensitive for name in map(str, value)):
            raise self.fail(
                ["customProperties"], f"sendSensitive must be a list of columns of class sensitive: {value!r}."
            )
        if value and not custom.get("endpoints"):
            raise self.fail(["customProperties"], "sendSensitive has no effect without endpoints.")
        return tuple(map(str, value))

    def _after(self, custom: Mapping[str, Any], source: SourceSpec, rules: tuple[Rule, ...]) -> tuple[str, ...]:
        value = custom.get("after", [])
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise self.fail(["customProperties"], f"after must be a list of datasets: {value!r}.")
        if source.connection == MARTS and not value:
            raise self.fail(["customProperties"], "what is derived says with after what it is derived from.")
        known = {rule.reference for rule in rules} | {source.for_each, self.document["id"]}
        double = [name for name in value if name in known]
        if double:
            raise self.fail(["customProperties"], f"after names {double[0]!r}, which is waited for anyway.")
        return tuple(value)

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
        for place, item in enumerate(self.document.get("support") or []):
            channel = self._tried(None, self._channel, place, item)
            if channel is not None:
                yield channel

    def _channel(self, place: int, item: Mapping[str, Any]) -> Channel | None:
        tool, address = item.get("tool"), str(item.get("url", ""))
        schemes = {"email": "mailto:", "apprise": "connection:"}
        if tool not in schemes or not address.removeprefix(schemes[tool]) or not address.startswith(schemes[tool]):
            raise self.fail(
                ["support", place],
                "expected tool email with url mailto:<address>, or tool apprise with url connection:<name>.",
            )
        return Channel(tool, item.get("scope", "issues"), address.removeprefix(schemes[tool]))

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

    def _counterpart(self, mode: str) -> SourceSpec | None:
        roles = [self._role(place) for place in range(len(self.document.get("servers", [])))]
        if COUNTERPART not in roles:
            return None
        if mode != "snapshot":
            raise self.fail(["servers"], "only a dataset that is read whole (mode snapshot) can have a counterpart.")
        return self._source(COUNTERPART)

    def _role(self, place: int) -> str | None:
        server = self.document["servers"][place]
        custom = self._custom(server, ("servers", place), SERVER_PROPERTIES, required=())
        if custom.get("role") not in (None, COUNTERPART):
            raise self.fail(["servers", place], f"role is {COUNTERPART} or not given: {custom['role']!r}.")
        return custom.get("role")

    def _columns(self, table: dict[str, Any]) -> tuple[Column, ...]:
        columns: list[Column] = []
        for index, item in enumerate(table.get("properties", [])):
            where = ("schema", 0, "properties", index)
            column = self._tried(None, self._column, item, where)
            # A column with a mistake still has a name, by which rules may call it.
            column = column or Column(str(item.get("name", "")), "string", str(item.get("name", "")), "internal", {})
            if column.name in {other.name for other in columns}:
                self.mistakes.append(str(self.fail(where, f"column {column.name!r} stands twice.")))
                continue
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

    def _rules(
        self, table: dict[str, Any], columns: tuple[Column, ...], key: tuple[str, ...], appending: Iterable[Rule]
    ) -> list[Rule]:
        first: dict[str, dict[str, Any]] = {}
        for item in table["properties"]:
            first.setdefault(item["name"], item)
        known = {column.name: column for column in columns}
        derived = [*_derived(list(first.values()), columns, key), *appending]
        rules: dict[str, Rule] = {rule.id: rule for rule in derived}
        for item, where, named in _quality(table):
            rule = self._tried(None, self._rule, item, where, named, known)
            if rule is not None and rule.id in rules:
                self.mistakes.append(str(self.fail(where, f"rule {rule.id!r} stands twice.")))
            elif rule is not None:
                rules[rule.id] = rule
        for rejects in (True, False):
            alike = [rule for rule in rules.values() if rule.rejects is rejects and not rule.about_window]
            if len(alike) > MOST_RULES:
                what = "rules that reject a row" if rejects else "rules that warn"
                raise self.fail(["schema", 0], f"{len(alike)} {what}; at most {MOST_RULES} fit in one scan.")
        return list(rules.values())

    def _fitting(self, rule: Rule, columns: Mapping[str, Column], at: tuple[str | int, ...]) -> Rule:
        """The rule with the codes of its column, if its kind asks for them; unknown columns and those of another type
        are refused."""
        kind = KINDS[rule.kind]
        strange = [name for name in (*rule.columns, *_named(rule)) if name not in columns]
        if strange:
            raise self.fail(at, f"rule {rule.id!r} names {strange[0]!r}, which is no column.")
        wanted = [(name, kind.types) for name in rule.columns]
        wanted += [(rule.arguments[name], types) for name, types in kind.named.items() if name in rule.arguments]
        for name, types in wanted:
            if types and columns[name].type not in types:
                expected = " or ".join(types)
                raise self.fail(
                    at,
                    f"rule {rule.id!r}: kind {rule.kind} takes a column of type {expected}, {name!r} is "
                    f"{columns[name].type}.",
                )
        if not kind.coded:
            return rule
        codes = list(columns[rule.columns[0]].codes)
        if not codes:
            raise self.fail(
                at,
                f"rule {rule.id!r}: kind {rule.kind} takes a column with codes, {rule.columns[0]!r} has none.",
            )
        return replace(rule, arguments={**rule.arguments, "values": codes})

    def _rule(
        self,
        item: dict[str, Any],
        where: tuple[str | int, ...],
        columns: tuple[str, ...],
        known: Mapping[str, Column],
    ) -> Rule:
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
        rule = Rule(
            id=item["id"],
            kind=kind,
            columns=columns,
            severity=item["severity"],
            dimension=item["dimension"],
            sentence=" ".join(item["description"].split()),
            arguments=arguments,
        )
        return self._fitting(rule, known, where)

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
    "sharedDatabase", "content", "sendSensitive", "after",
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


def _quality(table: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], tuple[str | int, ...], tuple[str, ...]]]:
    """Every rule of the file, its place, and the column under which it stands."""
    for index, item in enumerate(table["properties"]):
        for i, quality in enumerate(item.get("quality", [])):
            yield quality, ("schema", 0, "properties", index, "quality", i), (item["name"],)
    for i, quality in enumerate(table.get("quality", [])):
        yield quality, ("schema", 0, "quality", i), ()


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
