"""Full exports: what is read back is what the warehouse holds and may be shown, and a file is whole or not there."""

import csv
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from pyarrow import ArrowInvalid

from lienthong.errors import NeedsPerson, TryAgain
from lienthong.share import exports, shelf
from lienthong.share.exports import CATALOGUE, export_all

from ..sql.builders import at, day
from .world import CAP_PHEP, CONTRACTS, NUMBER, ORIGIN, PERSON, RIENG_TU, XA, row, run, serving, version_of

HOSTILE = (
    '=HYPERLINK("http://x")', "+1", "-1", "@x", "\u3000=1", "a\r\nb", 'c"d;e,f', "Đắk Lắk ơ", "ok", "\u2003=1",
    "\u200b=1", "\ufeff\u00ad@x", "\u2060＝1", "\u200b\t=1", "a;=1;b", "a\t\u200b=1", "a\n+1", "a - b = c",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return shelf.folder_of(tmp_path)


def export(warehouse, folder, contracts=CONTRACTS, **changes):
    return export_all(warehouse, contracts.values(), folder, agency="H15", **changes)


def fill(warehouse):
    rows = [row(f"A-{number:02}", at(1), ten_don_vi=text) for number, text in enumerate(HOSTILE)]
    rows += [row("B-1", at(1), ngay_cap="20250-01-01", so_tien=None, con_hieu_luc="0", luc=at(1, 0))]
    run(warehouse, CAP_PHEP, day(1), rows)
    run(warehouse, XA, day(1), [("24133", "Ea Súp"), ("24163", "Ea Kao")])
    run(warehouse, RIENG_TU, day(1), [("1", PERSON)])


def newest(folder, contract=CAP_PHEP):
    manifest = next(shelf.manifests(folder, contract.dataset))
    return manifest, {file.name.rsplit(".", 1)[1]: folder / contract.dataset / file.name for file in manifest.files}


def test_both_formats_read_back_as_what_core_holds(wh, folder):
    fill(wh)
    done = export(wh, folder)
    assert (set(done.written), done.withheld, done.empty) == ({"cap_phep", "xa"}, ("rieng_tu",), ("noi_bo",))
    manifest, paths = newest(folder)
    table = pq.read_table(paths["parquet"])
    with paths["csv"].open(encoding="utf-8", newline="") as text:
        content = text.read()
    assert content.startswith("\ufeff")
    lines = list(csv.DictReader(content.removeprefix("\ufeff").splitlines(keepends=True)))
    rows = table.slice(0, len(HOSTILE)).to_pylist()
    assert [found["ma"] for found in rows] == [f"A-{number:02}" for number in range(len(HOSTILE))]
    assert tuple(found["ten_don_vi"] for found in rows) == HOSTILE
    assert tuple(line["ten_don_vi"].replace("'", "") for line in lines[:-1]) == HOSTILE
    first = table.slice(0, 1).to_pylist()[0]
    assert first["so_tien"] == Decimal("1234567890123456.789")
    assert (first["so_luong"], first["ngay_cap"], first["con_hieu_luc"]) == (-3, date(2025, 9, 1), True)
    assert first["luc"] == datetime(2025, 9, 1, 1, tzinfo=UTC)
    last = lines[-1]
    assert (last["so_tien"], last["ngay_cap"], last["con_hieu_luc"]) == ("", "20250-01-01", "false")
    assert (last["luc"], lines[0]["so_tien"]) == ("2025-09-01T00:00:00+07:00", "1234567890123456.789")
    # A year that Python has no date for: the calendar repeats itself every 400 years, of 146,097 days each.
    days = (date(250, 1, 1) - date(1970, 1, 1)).days + 50 * 146_097
    assert table.column("ngay_cap").cast("int32")[-1].as_py() == days
    assert (manifest.rows, table.num_rows, len(lines)) == (len(HOSTILE) + 1,) * 3
    assert int(table.schema.metadata[b"version"]) == version_of(wh, "cap_phep")
    for file in manifest.files:
        content = (folder / "cap_phep" / file.name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file.bytes, file.sha256)


def test_no_cell_of_the_csv_is_a_formula(wh, folder):
    fill(wh)
    export(wh, folder)
    with newest(folder)[1]["csv"].open(encoding="utf-8-sig", newline="") as text:
        for line in csv.DictReader(text):
            acting = [cell for cell in line.values() if cell.strip()[:1] in ("=", "+", "-", "@")]
            assert acting == ["-3"], "a number may begin with its sign, a text may not"
            # A program of another country begins a cell behind its own separator, and inside of our quotes too.
            for cell in re.split("[;\t\r\n]", line["ten_don_vi"]):
                assert not re.match(r"[\s\u200b\u2060\ufeff\u00ad]*[=+@＝-]", cell), cell


def test_personal_columns_are_empty_and_sensitive_ones_are_not_there(wh, folder):
    fill(wh)
    export(wh, folder)
    manifest, paths = newest(folder)
    assert manifest.masked == ("ho_ten", "so_dinh_danh", "ngay_sinh")
    table = pq.read_table(paths["parquet"])
    assert "dan_toc" not in table.column_names
    assert all(table.column(name).null_count == table.num_rows for name in manifest.masked)
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [mark for mark in (PERSON, NUMBER, ORIGIN, "1999-05-17") if mark.encode() in everything]
    assert not [path for path in folder.rglob("*") if "rieng_tu" in str(path)]


def test_what_did_not_change_is_not_written_again(wh, folder):
    fill(wh)
    export(wh, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/*")}
    assert export(wh, folder).unchanged == 2
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/*")} == before
    run(wh, XA, day(2), [("24133", "Ea Súp")])
    assert export(wh, folder).written == ("xa",)
    version = version_of(wh, "xa")
    assert [manifest.version for manifest in shelf.manifests(folder, "xa")] == [version, version - 1]
    # A file that was damaged on the disk is made again.
    newest(folder, XA)[1]["csv"].write_text("x")
    assert export(wh, folder).written == ("xa",)


def test_old_exports_go_and_the_newest_stays(wh, folder):
    fill(wh)
    export(wh, folder)
    run(wh, XA, day(2), [("24133", "Ea Súp")])
    export(wh, folder)
    for path in (folder / "xa").glob(f"*{shelf.SUFFIX}"):
        told = json.loads(path.read_text())
        told["made_at"] = (datetime.now(UTC) - timedelta(days=31)).isoformat()
        path.write_text(json.dumps(told))
    assert export(wh, folder).removed == 1
    assert sorted(path.name.split(".")[1] for path in (folder / "xa").iterdir()) == [f"v{version_of(wh, 'xa')}"] * 3


def test_a_column_that_becomes_personal_leaves_every_export_at_once(wh, folder, tmp_path):
    fill(wh)
    export(wh, folder)
    columns = tuple(
        replace(column, classification="personal") if column.name == "ten_don_vi" else column
        for column in CAP_PHEP.columns
    )
    stricter = CONTRACTS | {"cap_phep": replace(CAP_PHEP, columns=columns)}
    with serving(wh, tmp_path, contracts=stricter) as service:
        listed = service.get(service.token("cap_phep"), "/v1/datasets/cap_phep/exports").json()["items"]
        assert listed == [], "what was exported before is given out no more"
    done = export(wh, folder, stricter)
    assert ("cap_phep" in done.written, done.removed) == (True, 1)
    manifest, paths = newest(folder)
    assert "ten_don_vi" in manifest.masked
    assert pq.read_table(paths["parquet"]).column("ten_don_vi").null_count == manifest.rows
    assert len(list((folder / "cap_phep").iterdir())) == 3
    # And a dataset that no contract describes any more goes whole.
    assert export(wh, folder, {"xa": XA}).removed == 1
    assert not (folder / "cap_phep").exists()


@pytest.mark.parametrize("broken", ["write", "rename", "manifest"])
def test_an_export_that_breaks_off_is_not_there_and_the_next_one_is(wh, folder, monkeypatch, broken):
    fill(wh)

    def fail(*_):
        raise TryAgain("tắt")

    name = {"write": "_record_batch", "rename": "_settle", "manifest": "_put"}[broken]
    with monkeypatch.context() as patched:
        patched.setattr(exports, name, fail)
        with pytest.raises(TryAgain):
            export(wh, folder)
    assert list(shelf.manifests(folder, "cap_phep")) == []
    assert set(export(wh, folder).written) == {"cap_phep", "xa"}
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_a_dataset_that_fails_costs_only_itself(wh, folder):
    fill(wh)
    with wh.session() as session:
        session.execute("ALTER TABLE core.cap_phep RENAME COLUMN so_tien TO so_tien_cu")
    with pytest.raises(NeedsPerson, match="1 exports failed"):
        export(wh, folder)
    assert list(shelf.manifests(folder, "cap_phep")) == []
    assert newest(folder, XA)[0].rows == 2
    assert [found["dct:identifier"] for found in catalogue_of(folder)["dcat:dataset"]] == ["xa"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(OSError(28, "x"), TryAgain), (ArrowInvalid("giá trị đánh dấu"), NeedsPerson)],
    ids=["disk", "arrow"],
)
def test_whatever_fails_in_one_dataset_the_others_and_the_catalogue_are_written(wh, folder, monkeypatch, error, kind):
    fill(wh)
    kept = exports._write

    def fail(warehouse, session, shape, *given):
        if shape.contract.dataset == "cap_phep":
            raise error
        return kept(warehouse, session, shape, *given)

    monkeypatch.setattr(exports, "_write", fail)
    with pytest.raises(kind, match="1 exports failed.*cap_phep") as told:
        export(wh, folder)
    assert "đánh dấu" not in str(told.value)
    assert [found["dct:identifier"] for found in catalogue_of(folder)["dcat:dataset"]] == ["xa"]


def test_memory_stays_flat(wh, folder, monkeypatch):
    """However many rows there are, only one batch is held at a time, and batches come from the server's cursor."""
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 100)
    seen = []
    kept = exports._record_batch
    monkeypatch.setattr(exports, "_record_batch", lambda *given: seen.append(len(given[2])) or kept(*given))
    run(wh, XA, day(1), [(f"{number:05}", "x") for number in range(1050)])
    export(wh, folder)
    assert seen == [100] * 10 + [50]
    assert newest(folder, XA)[0].rows == 1050


def test_files_are_given_to_those_whose_ceiling_reaches_them(wh, folder, tmp_path):
    fill(wh)
    export(wh, folder)
    with serving(wh, tmp_path) as service:
        token, low = service.token("cap_phep", "xa"), service.token("cap_phep", "xa", ceiling="public")
        items = service.get(token, "/v1/datasets/cap_phep/exports").json()["items"]
        for item in items:
            got = service.get(token, f"/v1/datasets/cap_phep/exports/{item['file']}")
            assert hashlib.sha256(got.content).hexdigest() == item["sha256"]
            assert got.headers["Content-Type"].startswith(item["media_type"])
            known = {"If-None-Match": got.headers["ETag"]}
            assert service.get(token, f"/v1/datasets/cap_phep/exports/{item['file']}", known).status_code == 304
            part = service.get(token, f"/v1/datasets/cap_phep/exports/{item['file']}", {"Range": "bytes=3-9"})
            assert (part.status_code, part.content) == (206, got.content[3:10])
            assert service.get(low, f"/v1/datasets/cap_phep/exports/{item['file']}").status_code == 403
        assert service.get(low, "/v1/datasets/cap_phep/exports").status_code == 403
        public = service.get(low, "/v1/datasets/xa/exports").json()["items"]
        assert len(public) == 2
        for name in (public[0]["file"], "..", "%2e%2e%2fcatalogue.jsonld", "x.csv", newest(folder)[0].name):
            assert service.get(token, f"/v1/datasets/cap_phep/exports/{name}").status_code in (403, 404)
        noted = service.get(low, "/v1/catalogue")
        assert noted.headers["Content-Type"] == "application/ld+json"
        assert [found["dct:identifier"] for found in noted.json()["dcat:dataset"]] == ["xa"]
        where = noted.json()["dcat:dataset"][0]["dcat:distribution"][0]["dcat:downloadURL"]["@id"]
        assert service.get(low, where.removeprefix(service.address)).status_code == 200


def catalogue_of(folder):
    return json.loads((folder / CATALOGUE).read_text(encoding="utf-8"))


def test_the_catalogue_is_json_ld_with_what_dcat_ap_demands(wh, folder):
    fill(wh)
    export(wh, folder)
    told = catalogue_of(folder)
    _is_json_ld(told, told["@context"])
    assert {"dct:title", "dct:description", "dct:publisher", "dcat:dataset"} <= set(told)
    found = next(each for each in told["dcat:dataset"] if each["dct:identifier"] == "cap_phep")
    manifest, _ = newest(folder)
    assert found["dct:publisher"]["foaf:name"]["@value"] == "Sở Công Thương"
    assert found["dct:accrualPeriodicity"]["@id"].endswith("/DAILY")
    assert found["dct:accessRights"]["@id"].endswith("/RESTRICTED")
    assert found["dct:modified"] == {"@type": "xsd:dateTime", "@value": manifest.changed_at.isoformat()}
    assert datetime.fromisoformat(found["dct:modified"]["@value"]).tzinfo is not None
    assert {one["@id"] for one in [found["dcat:contactPoint"][0]["vcard:hasEmail"]]} == {"mailto:dulieu@daklak.example"}
    assert len(found["dcat:distribution"]) == 2
    for file, one in zip(manifest.files, found["dcat:distribution"], strict=True):
        assert one["spdx:checksum"]["spdx:checksumValue"]["@value"] == file.sha256
        assert one["dcat:byteSize"]["@value"] == str(file.bytes)
        assert {"dcat:accessURL", "dct:license", "dct:format", "dcat:mediaType"} <= set(one)
        assert (folder / one["dcat:downloadURL"]["@id"]).stat().st_size == file.bytes, "addresses lead from the file"
    names = [each["@id"] for each in _nodes(told) if "@id" in each and "@type" in each]
    assert len(names) == len(set(names))


def _nodes(value):
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each)


def _is_json_ld(told, context):
    """JSON-LD 1.1, as far as it is used here: every term expands by the context, every value object is well formed."""
    assert all(re.fullmatch(r"https?://[^ ]+[#/]", address) for address in context.values())
    for node in _nodes({name: value for name, value in told.items() if name != "@context"}):
        if "@value" in node:
            assert isinstance(node["@value"], str)
            assert set(node) in ({"@value", "@language"}, {"@value", "@type"})
        types = node.get("@type", [])
        for name in [*node, *([types] if isinstance(types, str) else types)]:
            prefix, _, local = name.partition(":")
            assert name in ("@id", "@type", "@value", "@language") or (prefix in context and local), name
