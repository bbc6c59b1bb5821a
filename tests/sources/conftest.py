"""Files that are read here are taken into a folder of the test's own."""

import pytest


@pytest.fixture(autouse=True)
def var(tmp_path, monkeypatch):
    """LIENTHONG_VAR of the test; what was dropped is kept below ``intake``."""
    folder = tmp_path / "var"
    monkeypatch.setenv("LIENTHONG_VAR", str(folder))
    return folder
