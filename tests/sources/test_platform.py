"""The shared platform as a source: pages of the sandbox's server through each call pattern, and what stops a pull."""

import sqlite3

import pytest

from lienthong.connections import Connection
from lienthong.errors import SourceChanged, SourceDown
from lienthong.sandbox.platform_options import Lgsp, PlatformOptions
from lienthong.sandbox.platform_server import running_platform
from lienthong.sources import platform, source_of

from ..sql.builders import CHA, DANH_MUC, at, day
from .suite import ROWS, SECRET, SourceSuite, Stage, read

LGSP = Lgsp("khoa", SECRET, "lienthong", "H15", "H15")
EXTRAS = {
    "lgsp": {"app_name": "lienthong", "partner_code": "H15", "partner_code_cus": "H15"},
    "oauth2": {"auth": "oauth2"},
    "portal_adapter": {"auth": "portal_adapter"},
}


class PlatformStage(Stage):
    """The nation's file and a server over it."""

    def __init__(self, folder, auth):
        self.file = folder / "national.sqlite"
        options = PlatformOptions(folder / "platform", self.file, LGSP, ("khoa", SECRET), ("khoa", SECRET))
        self.opened = running_platform(options)
        self.running = self.opened.__enter__()
        self.columns = ["ma", "gia_tri", "luc", "them"]
        self.connection = Connection(
            "shared_platform", "platform", host=self.running.url, login="khoa", password=SECRET, extra=EXTRAS[auth]
        )

    def put(self, rows):
        with sqlite3.connect(self.file) as database:
            for table, columns in (("cha", self.columns), ("danh_muc", ["ma", "ten"])):
                database.execute(f"DROP TABLE IF EXISTS {table}")
                database.execute(f"CREATE TABLE {table} ({', '.join(f'{name} TEXT' for name in columns)})")
            database.execute("CREATE TABLE IF NOT EXISTS _datasets (dataset TEXT, khoa_cot TEXT, con_tro TEXT)")
            database.execute("DELETE FROM _datasets")
            database.execute("INSERT INTO _datasets VALUES ('cha', 'ma', 'luc'), ('danh_muc', 'ma', '')")
            database.executemany("INSERT INTO cha VALUES (?, ?, ?, '')", rows)
            database.executemany("INSERT INTO danh_muc VALUES (?, ?)", [row[:2] for row in rows])
        database.close()

    def rename(self, column, other):
        with sqlite3.connect(self.file) as database:
            database.execute(f"ALTER TABLE cha RENAME COLUMN {column} TO {other}")
        database.close()

    def stop(self):
        if self.opened is not None:
            self.opened.__exit__(None, None, None)
            self.opened = None

    def content(self):
        return self.file.read_bytes()

    def misbehave(self, fault, **how):
        self.running.misbehaviour.add(fault=fault, **how)


@pytest.fixture(params=EXTRAS)
def stage(tmp_path, request, monkeypatch):
    monkeypatch.setattr(platform, "PAUSE", 0.01)
    made = PlatformStage(tmp_path, request.param)
    yield made
    made.stop()


class TestPlatform(SourceSuite):
    """The standard suite, in each call pattern."""


class TestTrouble:
    """What stops a pull, and what does not."""

    def rows(self, stage, count=1200):
        stage.put([(f"H{number:04d}", number, at(1)) for number in range(count)])

    def test_a_list_that_comes_whole_has_no_bounds_and_every_page_has_a_trace_id(self, stage):
        self.rows(stage)
        source = source_of(stage.connection)
        assert sum(len(part) for part in source.read(DANH_MUC, day(9))) == 1200
        pages = [one for one in stage.running.log.requests() if one.service == "tra_cuu/danh_muc"]
        noted = [call for call in source.calls if call.service == "danh-sach danh_muc"]
        assert [call.request_id for call in noted] == [one.request_id for one in pages]
        assert len(pages) == 3

    @pytest.mark.parametrize("how", [
        {"fault": "http_error", "status": 503}, {"fault": "http_error", "status": 429, "retry_after": 0.1},
        {"fault": "drop"}, {"fault": "html"}, {"fault": "empty"}, {"fault": "malformed"}, {"fault": "expire_session"},
        {"fault": "fail", "code": "-1", "message": "Hệ thống đang bận, vui lòng thử lại sau"},
    ], ids=lambda how: how["fault"])  # fmt: skip
    def test_a_page_that_fails_is_asked_again(self, stage, how):
        self.rows(stage)
        stage.misbehave(**how, every=2)
        assert len(read(stage.connection)) == 1200

    @pytest.mark.parametrize("how", [{"fault": "http_error", "status": 503}, {"fault": "html"}, {"fault": "empty"}])
    def test_a_platform_that_stays_away_is_down(self, stage, how):
        self.rows(stage)
        stage.misbehave(**how)
        with pytest.raises(SourceDown, match="nền tảng không trả lời"):
            read(stage.connection)

    def test_a_page_that_lost_rows_makes_the_pull_worth_nothing(self, stage):
        self.rows(stage)
        stage.misbehave("shorten", keep=499, every=2)
        with pytest.raises(SourceDown, match="nhận 1199 dòng trên 1200"):
            read(stage.connection)

    @pytest.mark.parametrize("how", [
        {"fault": "http_error", "status": 403}, {"fault": "http_error", "status": 401},
        {"fault": "fail", "message": f"Không có quyền {SECRET}"},
    ], ids=["403", "401", "fail"])  # fmt: skip
    def test_what_only_a_person_can_mend_is_told_in_vietnamese(self, stage, how):
        self.rows(stage, 3)
        stage.misbehave(**how)
        with pytest.raises(SourceChanged, match="nền tảng .*Nhóm dữ liệu của tỉnh kiểm tra") as error:
            read(stage.connection)
        assert SECRET not in str(error.value)

    def test_a_row_that_stands_at_the_edge_of_the_window_is_read_once(self, stage):
        stage.put(ROWS)
        assert len(read(stage.connection, CHA, day(1))) == 2
        assert len(read(stage.connection, CHA, day(2))) == 1
