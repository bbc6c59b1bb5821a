"""A live source of any kind becomes a proposal: what it says, what it keeps to itself, and what it never replaces."""

import csv
import json
import shutil
import sqlite3
import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest
import yaml
from typer.testing import CliRunner

from lienthong.cli import app
from lienthong.connections import Connection
from lienthong.contracts import TO_REVIEW, load_all
from lienthong.contracts import samples as sample_files
from lienthong.errors import ContractError, NeedsPerson
from lienthong.onboarding import guess, words, write
from lienthong.onboarding.inspect import Place, Seen, look, place_of
from lienthong.onboarding.propose import Owner, propose
from lienthong.sandbox.platform_options import Lgsp, PlatformOptions
from lienthong.sandbox.platform_server import running_platform
from lienthong.sandbox.xlsx import workbook
from lienthong.settings import ROOT

from ..sources.kit import csv_of, in_tcvn3, in_vni, zip_of

DAY = date(2025, 9, 30)
COLUMNS = {
    "ma_cho": "varchar(12)", "ten_cho": "varchar(200)", "ma_xa": "varchar(5)", "hang_cho": "integer",
    "nguoi_dai_dien": "varchar(100)", "so_quay": "integer", "y_kien_khac": "text", "ngay_cap_nhat": "date",
}  # fmt: skip
COMMUNES = ("24121", "24154", "22015")
PERSON = "Trần Thị Bích Hường"


def rows(number=40):
    return [
        (f"CH-{n:04d}", f"Chợ buôn {n}", COMMUNES[n % 3], n % 3 + 1, f"{PERSON} {n}", 10 + n * 7 % 53,
         f"Bà {PERSON} đề nghị sửa mái số {n}" if n % 2 else None, f"2025-08-{1 + n % 28:02d}")
        for n in range(number)
    ]  # fmt: skip


def texts():
    return [tuple(None if value is None else str(value) for value in row) for row in rows()]


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        page = 2 if "trang=2" in self.path else 1
        given = [dict(zip(COLUMNS, row, strict=True)) for row in rows()][(page - 1) * 25 : page * 25]
        content = json.dumps({"du_lieu": given, "trang_sau": 2 if page == 1 else None}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def in_sqlite(folder):
    with sqlite3.connect(folder / "cho.sqlite") as database:
        names = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        database.execute(f"CREATE TABLE cho_dan_sinh ({names})")
        database.executemany(f"INSERT INTO cho_dan_sinh VALUES ({', '.join('?' * len(COLUMNS))})", rows())
    database.close()
    yield Connection("nguon", "sqlite", host=str(folder / "cho.sqlite"))


def in_files(folder, name, content, **extra):
    folder.mkdir(exist_ok=True)
    (folder / name.replace("{day}", str(DAY)).replace("{dataset}", "cho_dan_sinh")).write_bytes(content)
    yield Connection("nguon", "fs", extra={"path": str(folder), "pattern": name, **extra})


def in_csv(folder):
    content = csv_of([row[:-1] for row in [(*row, "") for row in texts()]], names=(*COLUMNS, ""))
    yield from in_files(folder, "{dataset}_{day}.csv", in_tcvn3(content).encode("latin-1", "replace"), encoding="tcvn3")


def in_tsv(folder):
    content = in_vni(csv_of(texts(), "\t", (*COLUMNS, "")))
    yield from in_files(folder, "{dataset}_{day}.tsv", content.encode("cp1252", "replace"), encoding="vni")


def in_xlsx(folder):
    """As departments keep them: a title above the header."""
    import io

    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["SỞ CÔNG THƯƠNG"])
    sheet.append(["Danh sách chợ"])
    sheet.append(list(COLUMNS))
    for row in rows():
        sheet.append(list(row))
    content = io.BytesIO()
    book.save(content)
    yield from in_files(folder, "{dataset}_{day}.xlsx", content.getvalue())


def in_zip(folder):
    content = zip_of(("cho.csv", csv_of(texts(), names=(*COLUMNS, "")).encode("utf-8-sig")))
    yield from in_files(folder, "{dataset}_{day}.zip", content)


def in_rest(_):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Connection("nguon", "http", host=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def in_platform(folder):
    with sqlite3.connect(folder / "national.sqlite") as database:
        database.execute(f"CREATE TABLE cho_dan_sinh ({', '.join(f'{name} TEXT' for name in COLUMNS)})")
        database.execute("CREATE TABLE _datasets (dataset TEXT, khoa_cot TEXT, con_tro TEXT)")
        database.execute("INSERT INTO _datasets VALUES ('cho_dan_sinh', 'ma_cho', '')")
        database.executemany(f"INSERT INTO cho_dan_sinh VALUES ({', '.join('?' * len(COLUMNS))})", texts())
    database.close()
    known = Lgsp("khoa", "mat-khau", "lienthong", "H15", "H15")
    options = PlatformOptions(
        folder / "platform", folder / "national.sqlite", known, ("khoa", "mat-khau"), ("khoa", "mat-khau")
    )
    extra = {"app_name": "lienthong", "partner_code": "H15", "partner_code_cus": "H15"}
    with running_platform(options) as running:
        yield Connection("nguon", "platform", host=running.url, login="khoa", password="mat-khau", extra=extra)


SOURCES = {
    "sqlite": in_sqlite, "csv tcvn3": in_csv, "tsv vni": in_tsv, "xlsx": in_xlsx, "zip": in_zip, "rest": in_rest,
    "platform": in_platform,
}  # fmt: skip


@pytest.fixture(params=SOURCES)
def connection(request, tmp_path):
    yield from SOURCES[request.param](tmp_path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A repository with some of the contracts."""
    folder = tmp_path_factory.mktemp("home")
    for owner, dataset in (
        ("cuc_thong_ke", "don_vi_hanh_chinh"), ("so_noi_vu", "don_vi"), ("so_xay_dung", "tuyen_duong"),
        ("so_cong_thuong", "cho_truyen_thong"),
    ):  # fmt: skip
        for path in (ROOT / "expectations" / owner).glob(f"{dataset}.*"):
            (folder / "expectations" / owner).mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "expectations" / owner)
    (folder / "sql").symlink_to(ROOT / "sql")
    return folder


@pytest.fixture(scope="module")
def known(home):
    return load_all(home / "expectations")


def proposed(connection, known, var, key=(), **given):
    place = place_of("cho_dan_sinh", "nguon", lambda _: connection, extra={}, **given)
    names = [name for contract in known.values() for name in contract.names]
    seen = look("cho_dan_sinh", place, DAY, names)
    proposal = propose("cho_dan_sinh", Owner("so_cong_thuong", "Sở Công Thương", "a@tinh.example"), seen, known, key)
    places = write.require_free(var, var, "so_cong_thuong", "cho_dan_sinh", known)
    return write.files(proposal, known, places)


@pytest.fixture
def installation(home, known, tmp_path, monkeypatch):
    """The environment of a command, with a live SQLite source; the contracts may be written to."""
    folder = tmp_path / "home"
    shutil.copytree(home, folder, symlinks=True)
    monkeypatch.setenv("LIENTHONG_HOME", str(folder))
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("LIENTHONG_CONNECTIONS", "")
    (found,) = in_sqlite(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_NGUON", json.dumps({"conn_type": "sqlite", "host": found.host}))
    return folder


def said(*words):
    found = CliRunner().invoke(app, list(words))
    return found.exit_code, found.output


NEW = ("new", "dataset", "cho_dan_sinh", "--connection", "nguon", "--owner-folder", "so_cong_thuong")


def tree(*folders):
    return {str(path): path.read_bytes() for folder in folders for path in sorted(folder.glob("*/*")) if path.is_file()}


# -- every kind of source


def test_a_source_of_any_kind_gives_the_same_proposal(connection, known, tmp_path):
    made = proposed(connection, known, tmp_path / "out")
    contract = made.contract
    assert made.todo == ()
    assert contract.names == tuple(COLUMNS)
    assert contract.key == ("ma_cho",)
    assert contract.mode == "snapshot", "a day without an hour tells no change within it"
    types = {column.name: column.type for column in contract.columns}
    assert types == dict.fromkeys(COLUMNS, "string") | {"so_quay": "integer", "ngay_cap_nhat": "date"}
    classes = {column.name: column.classification for column in contract.columns}
    assert classes == dict.fromkeys(COLUMNS, "internal") | {"nguoi_dai_dien": "personal", "y_kien_khac": "personal"}
    codes = {column.name: sorted(column.codes) for column in contract.columns if column.codes}
    assert codes == {"hang_cho": ["1", "2", "3"]}
    rules = {rule.id: rule for rule in contract.rules}
    assert rules["ma_xa_ton_tai"].reference == "don_vi_hanh_chinh"
    assert "y_kien_khac_bat_buoc" not in rules
    assert rules["ngay_cap_nhat_khong_tuong_lai"].kind == "not_future"


def test_nothing_of_the_source_stands_in_the_files(connection, known, tmp_path):
    made = proposed(connection, known, tmp_path / "out")
    for path, text in made.contents.items():
        for value in {value for row in texts() for value in row if value and len(value) > 5}:
            assert value not in text, (path.name, value)
        assert connection.host not in text or not connection.host
        assert str(tmp_path) not in text


def test_postgresql_tells_its_types(known, database, tmp_path):
    with psycopg.connect(**database.conninfo()) as session:
        session.execute(
            "CREATE TABLE cho (ma_cho varchar(12) PRIMARY KEY, hang smallint NOT NULL, dien_tich numeric(10,2),"
            " hoat_dong boolean, ten text, cap_nhat_luc timestamptz NOT NULL)"
        )
        session.execute(
            "INSERT INTO cho SELECT 'C' || n, n % 3, n / 7.0, n % 2 = 0, 'Chợ ' || n,"
            " timestamptz '2025-09-01' + n * interval '1 hour' FROM generate_series(1, 50) n"
        )
    made = proposed(database, known, tmp_path, table="cho")
    contract = made.contract
    types = {column.name: column.type for column in contract.columns}
    assert types == {
        "ma_cho": "string", "hang": "string", "dien_tich": "number", "hoat_dong": "boolean", "ten": "string",
        "cap_nhat_luc": "timestamp",
    }  # fmt: skip
    assert (contract.mode, contract.cursor) == ("incremental", "cap_nhat_luc")
    required = {rule.columns[0] for rule in contract.rules if rule.kind == "required"}
    assert {"ma_cho", "hang", "cap_nhat_luc"} <= required
    (length,) = [rule for rule in contract.rules if rule.id == "ma_cho_do_dai"]
    assert length.arguments == {"max": 12}


@pytest.mark.parametrize(
    ("declared", "values", "expected"),
    [
        ("bigint unsigned not null", ["1", "7"], "integer"),  # MariaDB
        ("tinyint(1)", ["0", "1"], "boolean"),
        ("datetime", ["2025-09-30 08:00:00"], "timestamp"),
        ("datetime", ["0000-00-00 00:00:00", "hôm qua"], "string"),
        ("datetime2(7)", ["2025-09-30 08:00:00.1234567"], "timestamp"),  # SQL Server
        ("bit", ["1", "0"], "boolean"),
        ("nvarchar(50)", ["12", "13"], "string"),
        ("number(10,0)", ["12", "13"], "integer"),  # Oracle
        ("number(10,2)", ["12", "13"], "number"),
        ("date", ["2025-09-30 08:00:00"], "timestamp"),
        ("varchar(10)", ["2025-09-30", "2025-10-01"], "date"),
        ("integer", ["1", "hai"], "string"),  # SQLite keeps what it gets
        ("", ["30/09/2025"], "date"),
        ("", ["007", "008"], "string"),
        ("", ["1.5", "2"], "number"),
        ("", [], "string"),
    ],
)
def test_a_declared_type_is_believed_where_the_values_keep_to_it(declared, values, expected):
    assert guess._type("gia_tri", declared, values) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("so_dien_thoai", "personal"), ("ho_ten", "personal"), ("so_dinh_danh", "personal"), ("dan_toc", "sensitive"),
        ("ton_giao", "sensitive"), ("ma_so_thue", "personal"), ("ngay_sinh", "personal"), ("ghi_chu", "personal"),
        ("ngay_cap", "internal"), ("ma_xa", "internal"), ("ten_xa", "internal"), ("abc", "personal"),
        ("ten_khac", "personal"),
    ],
)  # fmt: skip
def test_whoever_it_may_concern_is_protected_until_somebody_has_looked(name, expected):
    assert words.secrecy(name, "string", [])[0] == expected


@pytest.mark.parametrize(
    "name",
    ["updated_by", "created_by", "cap_nhat_boi", "nguoi", "ma_nguoi", "cap_cho", "so_nguoi_nhan", "ky_boi",
     "created_user", "loai_chu_ho"],
)  # fmt: skip
def test_who_did_it_and_for_whom_is_never_plain(name):
    assert words.secrecy(name, "string", ["lan", "hung"]) == ("personal", True)
    assert not words.is_plain(name)
    assert guess._codes(name, "string", ["lan", "hung"] * 40) == ()


def test_how_many_persons_there_are_is_no_person():
    assert words.secrecy("so_nguoi", "integer", ["4", "7"]) == ("internal", True)
    assert words.secrecy("tong_so_nguoi", "integer", ["4", "7"]) == ("internal", True)


def test_a_column_that_shows_persons_is_personal_whatever_its_name():
    assert words.secrecy("ten_xa", "string", ["a@b.example"] * 3)[0] == "personal"
    assert words.secrecy("ma_ban_ghi", "string", ["a@b.example"] * 3)[0] == "personal"
    assert words.secrecy("trang_thai", "string", [PERSON, "Lê Văn Nam"])[0] == "personal"


CITIZENS = [f"0660{70 + n}9{n:05d}" for n in range(30)]


@pytest.mark.parametrize("name", ["ma_ho", "so_ho_so", "id"])
@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("string", CITIZENS), ("integer", [value.lstrip("0") for value in CITIZENS]),
        ("string", [*CITIZENS[:4], *(f"HS-{n}" for n in range(30))]), ("string", [f"09{n:08d}" for n in range(30)]),
    ],
)  # fmt: skip
def test_numbers_of_persons_are_known_under_the_name_of_a_record_code(name, kind, values):
    assert words.secrecy(name, kind, values)[0] == "personal"


@pytest.mark.parametrize(
    "values",
    [
        [f"{n:012d}" for n in range(30)],  # no province has the number 000
        [f"00346209{n:04d}" for n in range(30)],  # nor 003
        [f"066270{n:06d}" for n in range(30)],  # born in 2070
        [f"6000{n:06d}" for n in range(30)],  # a company's tax code
    ],
)
def test_running_numbers_of_records_are_nobodys(values):
    assert words.secrecy("ma_ho", "string", values) == ("internal", True)


def test_sums_of_money_are_no_citizen_numbers():
    assert words.secrecy("gia_tri", "integer", [f"{n}000000000" for n in range(10, 96)]) == ("internal", True)


def test_a_wide_table_asks_for_no_more_rules_than_fit_and_columns_can_be_chosen(known, tmp_path):
    names = ["ma_dong", *(f"so_luong_{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(45))]
    with sqlite3.connect(tmp_path / "rong.sqlite") as database:
        database.execute(f"CREATE TABLE cho_dan_sinh ({', '.join(f'{name} integer' for name in names)})")
        database.executemany(
            f"INSERT INTO cho_dan_sinh VALUES ({', '.join('?' * len(names))})", [(n, *range(45)) for n in range(30)]
        )
    database.close()
    connection = Connection("nguon", "sqlite", host=str(tmp_path / "rong.sqlite"))
    contract = proposed(connection, known, tmp_path / "out").contract
    assert contract.names == tuple(names)
    assert [rule.columns[0] for rule in contract.rules if rule.kind == "required"] == ["ma_dong"]
    place = place_of("cho_dan_sinh", "nguon", lambda _: connection, extra={})
    assert look("cho_dan_sinh", place, DAY, (), ["so_luong_ab", "ma_dong"]).names == ("ma_dong", "so_luong_ab")
    with pytest.raises(NeedsPerson, match="--columns: 'khac' is no column"):
        look("cho_dan_sinh", place, DAY, (), ["khac"])


# -- the key


def seen_of(names, found):
    return Seen(Place(Connection("nguon", "sqlite"), None, {}), DAY, tuple(names), {}, tuple(found))


def test_a_key_of_several_columns_is_found():
    seen = seen_of(
        ("ma_tram", "thoi_diem", "gia_tri"), [(str(n // 5), f"2025-09-{1 + n % 5:02d}", "1.5") for n in range(25)]
    )
    assert guess.key("do_dac", guess.columns(seen, {}), seen, ()) == ("ma_tram", "thoi_diem")


def test_a_person_is_never_the_key_and_where_nothing_else_is_one_is_asked_for():
    seen = seen_of(("ho_ten", "gia_tri"), [(f"Người {n}", "1") for n in range(5)])
    found = guess.columns(seen, {})
    with pytest.raises(NeedsPerson, match="names the key with --key"):
        guess.key("x", found, seen, ())
    with pytest.raises(NeedsPerson, match="'ho_ten' holds personal data"):
        guess.key("x", found, seen, ("ho_ten",))
    with pytest.raises(NeedsPerson, match="'ho_ten' .*ask whoever keeps the source for a code of the record"):
        guess.key("x", found, seen, ("ho_ten",))
    with pytest.raises(NeedsPerson, match="'khac' is no column"):
        guess.key("x", found, seen, ("khac",))
    assert guess.key("x", found, seen, ("gia_tri",)) == ("gia_tri",)


def test_a_key_of_citizen_numbers_is_neither_proposed_nor_taken():
    seen = seen_of(("ma_ho", "so_ghi"), [(number, f"S{n}") for n, number in enumerate(CITIZENS)])
    found = guess.columns(seen, {})
    assert guess.key("ho", found, seen, ()) == ("so_ghi",)
    with pytest.raises(NeedsPerson, match="'ma_ho' holds personal data"):
        guess.key("ho", found, seen, ("ma_ho",))


def test_a_key_of_which_nobody_knows_whose_it_is_is_refused_and_never_lowered():
    seen = seen_of(("abc", "gia_tri"), [(f"x{n}", "1") for n in range(5)])
    with pytest.raises(NeedsPerson, match="'abc' may hold personal data.*Name another column with --key"):
        guess.key("x", guess.columns(seen, {}), seen, ("abc",))


def test_names_of_persons_reach_no_file_under_any_name_of_a_column(known, tmp_path):
    names = ("updated_by", "cap_nhat_boi", "cap_cho", "ma_nguoi", "trang_thai", "phu_trach", "loai")
    numbered = list(enumerate(names))
    people = ("Nguyễn Văn Út", "Trần Thị Bảy", "tranvanhung", "lethihoa")
    with sqlite3.connect(tmp_path / "ten.sqlite") as database:
        database.execute(f"CREATE TABLE cho_dan_sinh (ma_cho, {', '.join(names)})")
        for n in range(80):
            # A code may be one word; under a name that tells of nobody only what is written like a name is known.
            who = [people[(n + place) % (2 if name in ("trang_thai", "loai") else 4)] for place, name in numbered]
            database.execute(f"INSERT INTO cho_dan_sinh VALUES ({', '.join('?' * 8)})", (f"C{n}", *who))
    database.close()
    made = proposed(Connection("nguon", "sqlite", host=str(tmp_path / "ten.sqlite")), known, tmp_path / "out")
    assert made.contract.key == ("ma_cho",)
    assert [column.name for column in made.contract.columns if not column.personal] == ["ma_cho"]
    for path, text in made.contents.items():
        for person in people:
            assert person not in text, path.name


def test_codes_are_few_short_frequent_and_nobodys():
    often = [f"loai-{n % 3}" for n in range(60)]
    assert guess._codes("loai", "string", often) == ("loai-0", "loai-1", "loai-2")
    assert guess._codes("loai", "string", [f"loai {n % 3}" for n in range(60)]) == (), "words may be a name"
    assert guess._codes("loai", "string", [PERSON, "Lê Văn Nam"] * 30) == ()
    assert guess._codes("loai", "string", ["a" * 21, "b"] * 30) == ()
    assert guess._codes("abc", "string", ["lan", "hung"] * 30) == (), "the name does not say whose they are"
    assert guess._codes("abc", "string", [f"Bà Ba {n % 3}" for n in range(60)]) == ()
    assert guess._codes("loai", "string", [*often, "hiếm"]) == ()
    assert guess._codes("loai", "string", often[:20]) == ()
    assert guess._codes("ma_loai", "string", ["0912345678", "0912345679"] * 30) == ()


# -- the command


def test_a_new_dataset_is_written_whole_and_then_checked(installation, tmp_path):
    code, output = said(*NEW)
    assert code == 0, output
    folder = installation / "expectations" / "so_cong_thuong"
    document = yaml.safe_load((folder / "cho_dan_sinh.odcs.yaml").read_text(encoding="utf-8"))
    assert document["status"] == "draft"
    assert document["team"]["name"] == "Sở Công Thương tỉnh Đắk Lắk", "as its neighbours have it"
    assert TO_REVIEW in document["description"]["purpose"]
    assert "CREATE TABLE" in (tmp_path / "var" / "new" / "cho_dan_sinh.migration.sql").read_text(encoding="utf-8")
    code, output = said("check")
    assert code == 0, output
    assert f"places wait for a person ({TO_REVIEW}); a draft" in " ".join(output.split())


def test_a_dry_run_prints_and_writes_nothing(installation, tmp_path):
    before = tree(installation / "expectations")
    code, output = said(*NEW, "--dry-run")
    assert code == 0
    for part in ("cho_dan_sinh.odcs.yaml", "_breaks,_note,ma_cho", 'CREATE TABLE "core"."cho_dan_sinh"'):
        assert part in output
    assert tree(installation / "expectations") == before
    assert not (tmp_path / "var" / "new").exists()


def test_nothing_is_replaced(installation, tmp_path):
    assert said(*NEW)[0] == 0
    before = tree(installation / "expectations")
    code, output = said(*NEW)
    assert (code, "is there already" in " ".join(output.split())) == (1, True)
    (installation / "expectations/so_cong_thuong/cho_dan_sinh.odcs.yaml").unlink()
    code, output = said(*NEW)
    assert (code, "cho_dan_sinh.samples.csv" in output) == (1, True)
    code, output = said("new", "dataset", "tuyen_duong", "--connection", "nguon")
    assert (code, "is there already" in " ".join(output.split())) == (1, True)
    after = tree(installation / "expectations")
    assert {name: text for name, text in before.items() if "cho_dan_sinh.odcs" not in name} == after


def test_of_files_that_cannot_all_be_written_none_stays(known, tmp_path):
    (connection,) = in_sqlite(tmp_path)
    made = proposed(connection, known, tmp_path / "out")
    last = list(made.contents)[-1]
    last.parent.mkdir(parents=True)
    last.write_text("của người khác", encoding="utf-8")  # since it was looked at
    with pytest.raises(NeedsPerson, match="is not replaced"):
        made.write()
    assert [path for path in made.contents if path.exists()] == [last]
    assert last.read_text(encoding="utf-8") == "của người khác"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--connection", "khong_co"), "AIRFLOW_CONN_KHONG_CO"),
        (("--connection", "nguon", "--table", "khong_co"), "không có bảng"),
        (("--connection", "nguon", "--support", "Ai Đó"), "must be one mailbox"),
        (("--connection", "nguon", "--key", "khong_co"), "is no column"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_nothing_is_written(installation, words, expected):
    before = tree(installation / "expectations")
    code, output = said("new", "dataset", "cho_dan_sinh", *words)
    assert (code, expected in " ".join(output.split())) == (1, True), output
    assert tree(installation / "expectations") == before


def test_a_folder_needs_no_connection_yet(installation, tmp_path):
    drops = tmp_path / "drops"
    drops.mkdir()
    book = workbook("A", dict.fromkeys(COLUMNS, "text"), texts())
    (drops / f"cho_{DAY}.xlsx").write_bytes(book)
    code, output = said(
        "new", "dataset", "cho_dan_sinh", "--connection", "csdl_cho", "--path", str(drops),
        "--pattern", "cho_{day}.xlsx", "--day", str(DAY),
    )  # fmt: skip
    assert code == 0, output
    assert "Write into connection csdl_cho, of type fs: extra.path, extra.pattern" in " ".join(output.split())


def test_what_a_person_must_add_is_said_exactly(known, tmp_path):
    """A catalogue without samples to refer to: the rule stays, its rows are asked for."""
    from dataclasses import replace

    empty = tmp_path / "rong" / "don_vi_hanh_chinh.odcs.yaml"
    without = {**known, "don_vi_hanh_chinh": replace(known["don_vi_hanh_chinh"], path=empty)}
    (connection,) = in_sqlite(tmp_path)
    made = proposed(connection, without, tmp_path / "out")
    assert any("rule ma_xa_ton_tai: don_vi_hanh_chinh.samples.csv has no good row" in line for line in made.todo)
    assert any(line.startswith("rule ma_xa_ton_tai: a row that breaks it") for line in made.todo)


# -- a draft


def active(path):
    path.write_text(path.read_text(encoding="utf-8").replace("status: draft", "status: active"), encoding="utf-8")


def reviewed(path):
    path.write_text(path.read_text(encoding="utf-8").replace(TO_REVIEW, "Đã xem"), encoding="utf-8")


def test_nothing_runs_by_a_draft_until_a_person_has_set_it_active(installation):
    folder = installation / "expectations"
    before = load_all(folder)
    assert said(*NEW)[0] == 0
    path = folder / "so_cong_thuong" / "cho_dan_sinh.odcs.yaml"
    assert set(load_all(folder)) == set(before)
    assert set(load_all(folder, drafts=True)) == {*before, "cho_dan_sinh"}
    assert set(load_all(folder)) == set(before), "what was read with the drafts changes nothing"
    reviewed(path)
    active(path)
    assert said("check")[0] == 0
    assert set(load_all(folder)) == {*before, "cho_dan_sinh"}


def test_check_tells_every_mark_that_is_left_in_a_contract_in_force(installation):
    assert said(*NEW)[0] == 0
    path = installation / "expectations" / "so_cong_thuong" / "cho_dan_sinh.odcs.yaml"
    active(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    left = [n for n, line in enumerate(lines, 1) if TO_REVIEW in line and not line.startswith("#")]
    code, output = said("check")
    assert code == 1
    found = [line for line in output.splitlines() if f"{TO_REVIEW} still stands here" in line]
    assert [line.split(": ")[0] for line in found] == [f"so_cong_thuong/cho_dan_sinh.odcs.yaml:{n}" for n in left]
    assert len(left) > 10


def test_a_draft_with_a_mistake_stops_nobody_and_is_told_by_check(installation):
    assert said(*NEW)[0] == 0
    path = installation / "expectations" / "so_cong_thuong" / "cho_dan_sinh.odcs.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("value: snapshot", "value: whole"), encoding="utf-8")
    assert "cho_dan_sinh" not in load_all(installation / "expectations")
    code, output = said("check")
    assert (code, "mode must be one of" in output) == (1, True)


@pytest.mark.parametrize("drafts", [False, True])
def test_a_contract_in_force_refers_to_no_draft(installation, drafts):
    folder = installation / "expectations"
    catalogue = folder / "cuc_thong_ke" / "don_vi_hanh_chinh.odcs.yaml"
    text = catalogue.read_text(encoding="utf-8")
    catalogue.write_text(text.replace("status: active", "status: draft"), encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        load_all(folder, drafts=drafts)
    told = str(caught.value).splitlines()
    assert "cho_truyen_thong.odcs.yaml: refers to 'don_vi_hanh_chinh', whose contract is a draft." in str(caught.value)
    assert all("is a draft. Set that one to active" in line for line in told), told


def test_a_status_is_one_that_something_acts_on(installation):
    path = installation / "expectations" / "so_cong_thuong" / "cho_truyen_thong.odcs.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("status: active", "status: retired"), encoding="utf-8")
    with pytest.raises(ContractError, match=r"cho_truyen_thong.odcs.yaml:6: status must be one of draft, active"):
        load_all(installation / "expectations")


# -- check


def test_check_tells_everything_that_is_wrong_in_one_run(installation):
    folder = installation / "expectations"
    contract = folder / "so_xay_dung" / "tuyen_duong.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("value: snapshot", "value: whole"), "utf-8")
    samples = folder / "so_cong_thuong" / "cho_truyen_thong.samples.csv"
    lines = samples.read_text(encoding="utf-8").splitlines()
    bad = next(n for n, line in enumerate(lines) if line.startswith("ma_cho_bat_buoc,"))
    lines[bad] = lines[bad].replace("ma_cho_bat_buoc", "khong_co_quy_tac", 1)
    lines[bad + 1] += ",thừa"
    samples.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "so_noi_vu" / "don_vi.samples.csv").unlink()
    (folder / "so_noi_vu" / "don_vi.windows.yaml").write_text("khong_co:\n  days: 0\n", encoding="utf-8")
    (folder / "cuc_thong_ke" / "la.samples.csv").write_text("_breaks\n", encoding="utf-8")
    header = folder / "cuc_thong_ke" / "don_vi_hanh_chinh.samples.csv"
    header.write_text(header.read_text(encoding="utf-8").replace("ten_dvhc", "ten", 1), encoding="utf-8")
    code, output = said("check")
    assert code == 1
    found = output.splitlines()
    for expected in (
        "tuyen_duong.odcs.yaml:47: mode must be one of",
        f"so_cong_thuong/cho_truyen_thong.samples.csv:{bad + 1}: _breaks names 'khong_co_quy_tac'",
        f"so_cong_thuong/cho_truyen_thong.samples.csv:{bad + 2}: 17 cells, the header has 16",
        "so_noi_vu/don_vi.samples.csv:1: the file is missing",
        "so_noi_vu/don_vi.windows.yaml:1: 'khong_co' is no rule about windows of don_vi",
        "so_noi_vu/don_vi.windows.yaml:1: khong_co: the parts must be",
        "cuc_thong_ke/don_vi_hanh_chinh.samples.csv:1: the header lacks ten_dvhc",
        "cuc_thong_ke/la.samples.csv:1: there is no contract la.odcs.yaml beside it",
    ):
        assert [line for line in found if line.startswith(expected)], (expected, output)


def test_check_survives_a_date_that_does_not_exist(installation):
    folder = installation / "expectations"
    path = folder / "so_xay_dung" / "tuyen_duong.odcs.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("[Quốc lộ 26]", "[2025-02-30]"), encoding="utf-8")
    (folder / "so_noi_vu" / "don_vi.windows.yaml").write_text("x:\n  note: 2025-02-30\n", encoding="utf-8")
    code, output = said("check")
    assert code == 1
    assert output.count("a date or number in the file does not exist") == 2, output


@pytest.mark.parametrize("part", ["note", "rule", "good", "csv"])
def test_samples_are_held_to_what_they_promise(installation, part):
    path = installation / "expectations" / "so_xay_dung" / "tuyen_duong.samples.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(file))
    bad = next(line for line in lines if line[0] == "ma_tuyen_bat_buoc")
    if part == "note":
        bad[1] = ""
    elif part == "rule":
        lines.remove(bad)
    elif part == "good":
        lines = [lines[0], *(line for line in lines[1:] if line[0])]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
        if part == "csv":
            file.write('"x"y,\n')
    contract = load_all(installation / "expectations")["tuyen_duong"]
    expected = {
        "note": "_note is empty", "rule": "no row breaks 'ma_tuyen_bat_buoc'", "good": "there is no good row",
        "csv": "not CSV",
    }[part]  # fmt: skip
    (mistake,) = sample_files.mistakes(contract)
    assert expected in mistake
