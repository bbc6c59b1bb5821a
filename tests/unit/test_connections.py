"""Connections are read in every form in which Airflow writes them, and never show a secret."""

import json

import pytest

from lienthong.connections import from_environment, parse
from lienthong.errors import NeedsPerson


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("http://user:pw@127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://user:pw@127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://user:pw@cong.gov.example:81/XrdAdapter%2FRestService%2Fforward",
         "http://cong.gov.example:81/XrdAdapter/RestService/forward"),
        ("http://user:pw@cong.gov.example/XrdAdapter/RestService/forward",
         "http://cong.gov.example/XrdAdapter/RestService/forward"),
        ("http://user:pw@cong.gov.example:443/https", "https://cong.gov.example:443"),
        ("https://user:pw@cong.gov.example", "https://cong.gov.example"),
        (json.dumps({"conn_type": "http", "host": "127.0.0.1", "port": 9, "schema": "https"}), "https://127.0.0.1:9"),
        (json.dumps({"conn_type": "http", "host": "http://127.0.0.1", "port": 9}), "http://127.0.0.1:9"),
        (json.dumps({"conn_type": "http", "host": "https://cong.example/a/b/", "port": 9}), "https://cong.example:9/a/b"),
        (json.dumps({"conn_type": "http", "host": "http://127.0.0.1:7/x"}), "http://127.0.0.1:7/x"),
    ],
)  # fmt: skip
def test_an_http_address_in_any_form(text, base):
    assert parse("national_portal", text).base_url == base


@pytest.mark.parametrize(
    "text",
    [
        "postgresql+psycopg://u:p%40ss@db:5433/kho?sslmode=require",
        "postgres://u:p%40ss@db:5433/kho?sslmode=require",
        json.dumps({"conn_type": "postgres", "host": "db", "port": "5433", "login": "u", "password": "p@ss",
                    "schema": "kho", "extra": '{"sslmode": "require"}'}),
    ],
)  # fmt: skip
def test_a_database_in_any_form(text):
    found = parse("warehouse", text)
    assert found.kind == "postgres"
    assert found.conninfo() == {
        "host": "db", "port": 5433, "user": "u", "password": "p@ss", "dbname": "kho", "sslmode": "require",
        "connect_timeout": 10,
    }  # fmt: skip


def test_a_socket_folder_is_a_host():
    found = parse("warehouse", "postgresql://postgres@/kho?host=/tmp/a")
    assert found.conninfo()["host"] == "/tmp/a"


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////srv/Du-Lieu/Cho%20A.sqlite", "sqlite:///srv/cho.sqlite", "sqlite://%2Fsrv%2FDu-Lieu%2Fcho.sqlite",
        "sqlite://u:p@%2Fsrv%2FDu-Lieu%2Fcho.sqlite:7/x", "postgres://u:p@DB.Tinh.example:5433/Kho",
        "http://u@Cong.example//a/B", "mysql://may/", "mysql://may",
    ],
)  # fmt: skip
def test_a_uri_is_read_as_airflow_reads_it(text):
    from airflow.models import Connection

    found, known = parse("a", text), Connection(conn_id="a", uri=text)
    assert (found.host, found.port, found.schema) == (known.host or "", known.port, known.schema or "")
    assert (found.login, found.password) == (known.login or "", known.password or "")


def test_a_file_has_an_absolute_path():
    assert parse("a", "sqlite:////srv/Du-Lieu/cho.sqlite").schema == "/srv/Du-Lieu/cho.sqlite"


def test_the_environment_wins_over_the_file(tmp_path):
    path = tmp_path / "connections.json"
    path.write_text(json.dumps({"a": {"conn_type": "sqlite", "host": "x"}, "b": "sqlite:///y"}))
    env = {"LIENTHONG_CONNECTIONS": str(path), "AIRFLOW_CONN_A": "http://z"}
    assert from_environment("a", env).kind == "http"
    assert from_environment("b", env).kind == "sqlite"


def test_a_missing_connection_says_what_to_set():
    with pytest.raises(NeedsPerson, match="AIRFLOW_CONN_NATIONAL_PORTAL"):
        from_environment("national_portal", {})


@pytest.mark.parametrize("text", ["{not json bi-mat", "bi-mat", '{"port": "bi-mat", "conn_type": "x"}'])
def test_a_malformed_connection_is_refused_without_repeating_it(text):
    with pytest.raises(NeedsPerson, match="AIRFLOW_CONN_X") as error:
        parse("x", text)
    assert "bi-mat" not in str(error.value)


def test_no_secret_in_a_repr():
    assert "bi-mat" not in repr(parse("x", "http://u:bi-mat@h?token=bi-mat"))


def test_a_file_of_connections_is_read_once_and_again_when_it_changed(tmp_path, monkeypatch):
    from airflow.secrets import local_filesystem

    from lienthong.airflow_secrets import ConnectionsFile

    real, reads = local_filesystem.load_connections_dict, []
    monkeypatch.setattr(local_filesystem, "load_connections_dict", lambda path: reads.append(path) or real(path))
    path = tmp_path / "connections.json"
    path.write_text('{"xa_1": {"conn_type": "postgres", "host": "cu"}, "xa_2": "postgres://hai"}', encoding="utf-8")
    backend = ConnectionsFile(connections_file_path=str(path))
    found = [backend.get_connection(name) for name in ("xa_1", "xa_2", "xa_3")]
    assert ([one and one.host for one in found], len(reads)) == (["cu", "hai", None], 1)
    path.write_text('{"xa_1": {"conn_type": "postgres", "host": "moi"}}', encoding="utf-8")
    assert (backend.get_connection("xa_1").host, backend.get_connection("xa_2"), len(reads)) == ("moi", None, 2)
