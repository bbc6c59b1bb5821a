"""The read service over real HTTP: what a token gets is what its scopes and its ceiling allow, and nothing else."""

import http.client
import json
import logging
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest

from lienthong.errors import NeedsPerson
from lienthong.quality import judging
from lienthong.share import models
from lienthong.share.pool import Pool
from lienthong.warehouse import Warehouse

from ..conftest import ROOT
from ..sql.builders import at, day, rows_of
from .world import CAP_PHEP, NOI_BO, NUMBER, ORIGIN, PERSON, XA, row, run, serving, split, version_of

MARKED = (PERSON, NUMBER, ORIGIN, "1999-05-17")


@pytest.fixture(scope="module")
def promoted(new_database, four):
    """Name of a database in which three of the datasets have rows, to be copied."""
    with new_database(four) as connection, pytest.MonkeyPatch.context() as patch:
        warehouse = Warehouse(connection, ROOT)
        patch.setattr(judging, "expect", split(warehouse))
        run(warehouse, CAP_PHEP, day(1), [row("A-1", at(1)), row("A-2", at(1), ngay_cap=None)])
        run(warehouse, XA, day(1), [("24133", "Ea Súp"), ("24163", "Ea Kao")])
        run(warehouse, NOI_BO, day(1), [("1", "một")])
        yield connection.schema


@pytest.fixture
def filled(new_database, promoted, monkeypatch, tmp_path):
    with new_database(promoted) as connection:
        warehouse = Warehouse(connection, ROOT)
        monkeypatch.setattr(judging, "expect", split(warehouse))
        with serving(warehouse, tmp_path) as running:
            yield running


def test_values_leave_by_class_of_column_and_ceiling(filled):
    """Sensitive never, personal only where the ceiling says so, internal not for the public ceiling."""
    shown = {}
    for ceiling in ("public", "internal", "personal"):
        token = filled.token("cap_phep", ceiling=ceiling)
        answer = filled.get(token, "/v1/datasets/cap_phep/records")
        page = models.RecordPage.model_validate_json(answer.content)
        shown[ceiling] = page.items[0].record
        assert set(page.masked) == {name for name, value in shown[ceiling].items() if value is None}
        one = filled.get(token, "/v1/datasets/cap_phep/records/A-1")
        changed = filled.get(token, "/v1/datasets/cap_phep/changes", since=0)
        assert models.RecordAnswer.model_validate_json(one.content).item.record == shown[ceiling]
        assert models.ChangePage.model_validate_json(changed.content).items[0].record == shown[ceiling]
        for text in (answer.text, one.text, changed.text):
            assert ORIGIN not in text
            assert all((mark in text) == (ceiling == "personal") for mark in MARKED if mark != ORIGIN)
    assert {name for name, value in shown["public"].items() if value is not None} == {"ma", "loai"}
    assert shown["personal"]["ho_ten"] == PERSON
    assert "dan_toc" not in shown["personal"]
    assert shown["internal"] | {"ho_ten": 0, "so_dinh_danh": 0, "ngay_sinh": 0} == {
        "ma": "A-1", "loai": "1", "ten_don_vi": "Phường Buôn Ma Thuột", "ho_ten": 0, "so_dinh_danh": 0,
        "ngay_sinh": 0, "so_tien": 1234567890123456.789, "so_luong": -3, "ngay_cap": "2025-09-01",
        "con_hieu_luc": True, "luc": "2025-09-01T08:00:00+07:00",
    }  # fmt: skip
    exact = filled.get(filled.token("cap_phep"), "/v1/datasets/cap_phep/records/A-1").text
    assert "1234567890123456.789" in exact, "a number passes through no float"


def test_a_token_reads_its_datasets_only(filled):
    token = filled.token("xa", ceiling="personal")
    assert [line["dataset"] for line in filled.get(token, "/v1/datasets").json()["items"]] == ["xa"]
    for name in ("cap_phep", "noi_bo", "khong_co", "pg_class", "xa;--"):
        for path in ("", "/records", "/records/A-1", "/changes?since=0", "/exports", "/exports/x.csv"):
            answer = filled.get(token, f"/v1/datasets/{name}{path}")
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:lienthong:share:scope"), path


def test_a_key_above_the_ceiling_closes_the_dataset(filled):
    with filled.warehouse.session() as session:  # as if the contract had been tightened after the token was made
        text = filled.token("xa", "noi_bo").text
        session.execute("ALTER TABLE share.tokens DISABLE TRIGGER tokens_keep_rights")
        session.execute("UPDATE share.tokens SET ceiling = 'public'")
    assert filled.get(text, "/v1/datasets/xa/records").status_code == 200
    answer = filled.get(text, "/v1/datasets/noi_bo/records")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:lienthong:share:classification")
    assert [line["dataset"] for line in filled.get(text, "/v1/datasets").json()["items"]] == ["xa"]


def test_the_description_tells_what_is_masked(filled):
    answer = filled.get(filled.token("cap_phep"), "/v1/datasets/cap_phep")
    told = models.DatasetAnswer.model_validate_json(answer.content)
    access = {column.name: column.access for column in told.columns}
    assert (access["ma"], access["ho_ten"], access["dan_toc"]) == ("shown", "masked", "withheld")
    version = version_of(filled.warehouse, "cap_phep")
    assert (told.owner, told.version, told.shared_database) == ("Sở Công Thương", version, 18)


def test_what_did_not_change_is_not_sent_again(filled):
    token = filled.token("cap_phep")
    for path in ("/records", "/records/A-1", "/changes?since=0", ""):
        first = filled.get(token, f"/v1/datasets/cap_phep{path}")
        tag = first.headers["ETag"]
        again = filled.get(token, f"/v1/datasets/cap_phep{path}", {"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag), path
    known = parsedate_to_datetime(first.headers["Last-Modified"])
    assert abs((datetime.now(known.tzinfo) - known).total_seconds()) < 60
    version = version_of(filled.warehouse, "cap_phep")
    run(filled.warehouse, CAP_PHEP, day(2), [row("A-1", at(2), so_luong="4")])
    changed = filled.get(token, "/v1/datasets/cap_phep/records", {"If-None-Match": tag})
    assert (changed.status_code, changed.json()["version"]) == (200, version + 1)
    # What one ceiling was given is no answer for another.
    other = filled.token("cap_phep", ceiling="personal")
    tag = filled.get(token, "/v1/datasets/cap_phep/records").headers["ETag"]
    assert filled.get(other, "/v1/datasets/cap_phep/records", {"If-None-Match": tag}).status_code == 200


def test_a_day_that_changes_nothing_is_no_version(filled):
    version = version_of(filled.warehouse, "xa")
    run(filled.warehouse, XA, day(2), [("24133", "Ea Súp"), ("24163", "Ea Kao")])
    assert filled.get(filled.token("xa"), "/v1/datasets/xa").json()["version"] == version


def test_a_deleted_record_is_a_tombstone(filled):
    token, since = filled.token("xa"), version_of(filled.warehouse, "xa")
    run(filled.warehouse, XA, day(2), [("24133", "Ea Súp")])
    changed = filled.get(token, "/v1/datasets/xa/changes", since=since).json()
    gone = {"key": "24163", "version": 2, "change": since + 1, "deleted": True, "record": None}
    assert changed["items"] == [gone]
    gone = filled.get(token, "/v1/datasets/xa/records/24163")
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:lienthong:share:deleted")
    assert [item["key"] for item in filled.get(token, "/v1/datasets/xa/records").json()["items"]] == ["24133"]
    run(filled.warehouse, XA, day(3), [("24133", "Ea Súp"), ("24163", "Ea Kao")])
    back = filled.get(token, "/v1/datasets/xa/changes", since=since + 1).json()["items"]
    assert [(item["key"], item["deleted"], item["record"]["ten"]) for item in back] == [("24163", False, "Ea Kao")]


def test_a_touched_record_is_a_change_where_its_time_is_shown(filled):
    since = version_of(filled.warehouse, "cap_phep")
    run(filled.warehouse, CAP_PHEP, day(2), [row("A-1", at(2))])
    changed = filled.get(filled.token("cap_phep"), "/v1/datasets/cap_phep/changes", since=since).json()
    assert [(i["key"], i["version"], i["record"]["luc"]) for i in changed["items"]] == [
        ("A-1", 1, "2025-09-02T08:00:00+07:00")
    ]


@pytest.mark.parametrize("by", [1, -1, None], ids=["above the newest", "below the first", "counted from 1"])
def test_a_version_that_the_dataset_does_not_have_asks_for_a_whole_reading(filled, by):
    since = 7 if by is None else version_of(filled.warehouse, "xa") + by
    answer = filled.get(filled.token("xa"), "/v1/datasets/xa/changes", since=since)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:lienthong:share:rebuilt")


@pytest.mark.parametrize("how", ["none", "wrong", "form", "expired", "revoked"])
def test_no_token_no_data(filled, how):
    issued = filled.token("xa")
    text = {"none": None, "wrong": issued.text[:-1] + "_", "form": "' OR 1=1 --"}.get(how, issued.text)
    with filled.warehouse.session() as session:
        session.execute("ALTER TABLE share.tokens DISABLE TRIGGER tokens_keep_rights")
        if how == "expired":
            session.execute("UPDATE share.tokens SET expires_at = clock_timestamp()")
        if how == "revoked":
            session.execute("UPDATE share.tokens SET revoked_at = clock_timestamp(), revoked_by = 'x'")
    for path in ("/v1/datasets", "/v1/datasets/xa/records", "/v1/datasets/xa/records?limit=x", "/v1/catalogue"):
        answer = filled.get(text, path)
        assert (answer.status_code, answer.json()["type"]) == (401, "urn:lienthong:share:token")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert rows_of(filled.warehouse, "SELECT count(*) FROM share.accesses") == [(0,)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", "«limit» phải từ 1 trở lên."),
        ("limit=5001", "«limit» không được quá 5000."),
        ("limit=1e3", "«limit» phải là số nguyên."),
        (f"limit={PERSON}", "«limit» phải là số nguyên."),
        ("limit=" + "9" * 5000, "«limit»"),
        ("after=%00", "«after» phải là giá trị «next»"),
        ("after=AAAA", "«after» phải là giá trị «next»"),
        ("after=" + "W" * 9000, "«after» không được dài quá 8192 ký tự."),
        # ["records","cap_phep",0,0,"\u0000"], a mark of another dataset, and one whose number is none
        ("after=WyJyZWNvcmRzIiwieGEiLDAsMCwiXHUwMDAwIl0", "«after» phải là giá trị «next»"),
        ("after=WyJyZWNvcmRzIiwiY2FwX3BoZXAiLDAsMCwiQSJd", "«after» phải là giá trị «next»"),
        ("after=WyJyZWNvcmRzIiwieGEiLDFlOTksMCwiQSJd", "«after» phải là giá trị «next»"),
    ],
)
def test_hostile_parameters_are_refused_by_name_and_not_repeated(filled, query, expected):
    answer = filled.get(filled.token("xa"), f"/v1/datasets/xa/records?{query}")
    assert answer.status_code == 400
    assert answer.json()["expected"][0].startswith(expected)
    assert models.Problem.model_validate_json(answer.content).request_id == answer.headers["X-Request-Id"]
    assert PERSON not in answer.text


def test_keys_may_hold_anything_that_a_column_may(filled):
    keys = ["a/b", "a%2Fb", "a b|c", "..", "ă/../ơ", "x?y#z", "100%", "'\"\\", "_", "%00"]
    run(filled.warehouse, CAP_PHEP, day(2), [row(key, at(2)) for key in keys])
    token = filled.token("cap_phep")
    link = http.client.HTTPConnection("127.0.0.1", filled.port, timeout=20)
    headers = {"Authorization": f"Bearer {token.text}"}

    def status(path):
        link.request("GET", path, headers=headers)
        answer = link.getresponse()
        return answer.status, json.loads(answer.read())

    for key in keys:
        code, told = status(f"/v1/datasets/cap_phep/records/{quote(key, safe='')}")
        assert (code, told["item"]["key"]) == (200, key)
    for hostile in ("%00", "A%00B", "%ff%fe", "%ED%A0%80", "a" * 20000, "..%2f..%2fetc%2fpasswd", ""):
        code, told = status(f"/v1/datasets/cap_phep/records/{hostile}")
        assert (code, told["type"]) == (404, "urn:lienthong:share:record"), hostile[:10]
    assert status("/v1/nothing")[0] == 404
    link.request("POST", "/v1/datasets", headers=headers)
    assert link.getresponse().status == 405


def test_every_answer_is_noted_and_no_value_is(filled, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.WARNING)  # the caller's own log, not the service's
    token = filled.token("cap_phep", "xa", ceiling="personal", system="Cổng dữ liệu")
    filled.get(token, "/v1/datasets/cap_phep/records")
    filled.get(token, f"/v1/datasets/cap_phep/records/{NUMBER}")
    filled.get(token, f"/v1/datasets/{PERSON}/records")
    filled.get(token, "/v1/datasets/noi_bo/records")
    filled.get(token, f"/v1/datasets/cap_phep/records?after={NUMBER}", {"X-Request-Id": NUMBER})
    noted = rows_of(
        filled.warehouse, "SELECT system, dataset, what, version, rows, status FROM share.accesses ORDER BY access_id"
    )
    version = version_of(filled.warehouse, "cap_phep")
    assert noted == [
        ("Cổng dữ liệu", "cap_phep", "records", version, 2, 200),
        ("Cổng dữ liệu", "cap_phep", "record", version, 0, 404),
        ("Cổng dữ liệu", "?", "records", None, 0, 403),
        ("Cổng dữ liệu", "noi_bo", "records", None, 0, 403),
        ("Cổng dữ liệu", "cap_phep", "records", version, 0, 400),
    ]
    everything = str(rows_of(filled.warehouse, "SELECT a::text FROM share.accesses a")) + caplog.text
    assert "/v1/datasets/{dataset}/records 200" in caplog.text
    assert not [mark for mark in (*MARKED, token.text) if mark in everything]


def test_an_unexpected_error_tells_nothing(filled, caplog):
    caplog.set_level(logging.DEBUG)
    with filled.warehouse.session() as session:
        session.execute("ALTER TABLE core.cap_phep RENAME COLUMN so_tien TO so_tien_cu")
    answer = filled.get(filled.token("cap_phep"), "/v1/datasets/cap_phep/records")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:lienthong:share:misconfigured")
    broken = filled.token("xa")
    filled.desk.pace.wait = lambda _: 1 / 0
    answer = filled.get(broken, "/v1/datasets")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:lienthong:share:internal")
    assert "unexpected ZeroDivisionError" in caplog.text
    assert "Traceback" not in caplog.text


def test_an_answer_that_cannot_be_noted_is_not_given(filled):
    token = filled.token("xa")
    with filled.warehouse.session() as session:
        session.execute("ALTER TABLE share.accesses RENAME TO elsewhere")
    answer = filled.get(token, "/v1/datasets/xa/records")
    assert answer.status_code == 503
    assert "Ea Súp" not in answer.text


def test_the_reading_sessions_cannot_write(filled):
    with filled.desk.reader.session() as session, pytest.raises(Exception, match="read-only transaction"):
        session.execute("DELETE FROM core.xa")


def test_a_token_that_asks_too_often_waits_and_others_do_not(wh, tmp_path):
    with serving(wh, tmp_path, rate=3) as service:
        hasty, calm = service.token("xa"), service.token("xa")
        codes = [service.get(hasty, "/v1/datasets").status_code for _ in range(5)]
        assert codes == [200, 200, 200, 429, 429]
        refused = service.get(hasty, "/v1/datasets")
        assert 1 <= int(refused.headers["Retry-After"]) <= 21
        assert service.get(calm, "/v1/datasets").status_code == 200


def test_answers_are_compressed_for_those_who_ask(filled):
    run(filled.warehouse, XA, day(2), [(f"{number:05}", "Xã " + "dài " * 10) for number in range(300)])
    token = filled.token("xa")
    packed = filled.get(token, "/v1/datasets/xa/records", {"Accept-Encoding": "gzip"})
    plain = filled.get(token, "/v1/datasets/xa/records", {"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert int(packed.headers["Content-Length"]) * 5 < int(plain.headers["Content-Length"])
    assert packed.json() == plain.json()


def test_what_is_no_token_and_the_health_take_no_session_of_those_who_read(filled, monkeypatch):
    """Every session is for readers: who has no right may ask without end and takes none of them."""
    taken = []
    session = filled.desk.reader.session
    monkeypatch.setattr(filled.desk.reader, "session", lambda: taken.append(1) or session())
    for text in ("x", "lt_short", "lt_" + "a" * 44, "' OR 1=1 --"):
        assert filled.get(text, "/v1/datasets").status_code == 401
    assert taken == []
    for _ in range(10):
        assert filled.get(None, "/health").status_code == 200
    assert 1 <= len(taken) <= 3, "once a second"


def test_guessed_tokens_are_slowed_down_together_and_no_known_one_with_them(wh, tmp_path):
    with serving(wh, tmp_path, rate=5) as service:
        token = service.token("xa")
        assert service.get(token, "/v1/datasets").status_code == 200
        guesses = [service.get("lt_" + letter * 43, "/v1/datasets").status_code for letter in "abcdefgh"]
        assert (guesses[:4], guesses[-1]) == ([401] * 4, 429)
        assert service.get(token, "/v1/datasets").status_code == 200


def test_the_sessions_bear_the_name_of_whose_they_are(wh):
    for name in ("lienthong-share", "lienthong-console"):
        pool = Pool(wh.connection, 1, name=name)
        with pool.session() as session:
            assert session.execute("SHOW application_name").fetchone() == {"application_name": name}
        pool.close()


def test_the_service_comes_back_after_its_sessions_were_ended(filled):
    token = filled.token("xa")
    assert filled.get(token, "/v1/datasets/xa/records").status_code == 200
    rows_of(
        filled.warehouse,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lienthong-share'"
        " AND datname = current_database()",
    )
    assert filled.get(token, "/v1/datasets/xa/records").status_code == 200


def test_the_description_and_its_page_need_nothing_from_elsewhere(service):
    told = service.get(None, "/openapi.json").json()
    assert set(told["paths"]) == {
        "/health", "/v1/catalogue", "/v1/datasets", "/v1/datasets/{dataset}", "/v1/datasets/{dataset}/records",
        "/v1/datasets/{dataset}/records/{key}", "/v1/datasets/{dataset}/changes", "/v1/datasets/{dataset}/exports",
        "/v1/datasets/{dataset}/exports/{file}",
    }  # fmt: skip
    data = {path: item["get"] for path, item in told["paths"].items() if path != "/health"}
    for path, operation in data.items():
        assert operation["security"], path
        assert operation["description"], path
        assert {"401", "429"} <= set(operation["responses"]), path
        assert all(found["description"] for found in operation.get("parameters", []) if found["in"] == "query"), path
    assert _refers_to_what_is_there(told)
    page = service.get(None, "/docs")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for outside in ("<script", "http://", "https://", "src="):
        assert outside not in page.text
    assert all(path in page.text for path in data)
    assert service.get(None, "/health").json() == {"status": "ok"}


def _refers_to_what_is_there(told):
    text = json.dumps(told)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    return names <= set(told["components"]["schemas"])


def test_the_role_of_the_decision_is_enough_to_read_and_for_nothing_else(filled, tmp_path):
    """The grants of decision 0020 are the ones that the service needs."""
    text = (filled.warehouse.home / "docs" / "decisions" / "0020-the-read-service.md").read_text(encoding="utf-8")
    role = f"read_{filled.warehouse.connection.schema}"
    grants = text.split("```sql")[1].split("```")[0].replace("lienthong_read", role)
    with filled.warehouse.session() as session:
        session.execute(f"CREATE ROLE {role} LOGIN")
        session.execute(grants)
    weak = Pool(replace(filled.warehouse.connection, login=role), 2)
    try:
        with serving(filled.warehouse, tmp_path) as service:
            object.__setattr__(service.desk, "reader", weak)
            token = service.token("cap_phep")
            for path in ("", "/records", "/records/A-1", "/changes?since=0", "/exports"):
                assert service.get(token, f"/v1/datasets/cap_phep{path}").status_code == 200, path
            assert service.get(None, "/health").status_code == 200
        with pytest.raises(NeedsPerson, match="42501"), weak.session() as session:
            session.execute("SELECT * FROM quarantine.rows")
        with pytest.raises(NeedsPerson, match="42501"), weak.session() as session:
            session.execute("SET TRANSACTION READ WRITE; DELETE FROM core.xa")
    finally:
        weak.close()
        with filled.warehouse.session() as session:
            session.execute(f"DROP OWNED BY {role}")
            session.execute(f"DROP ROLE {role}")
