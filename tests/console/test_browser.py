"""A real browser shows every page whole: it refuses nothing of it, and complains of nothing."""

import shutil
import subprocess

import pytest

from ..sql.alert_stories import EA_BUNG
from .world import serving

PAGES = ("/", f"/units/{EA_BUNG}", "/datasets/ho_so?lang=en", "/problems", "/problems/1")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("width", [1200, 500])  # Chromium's windows are no narrower
def test_a_browser_shows_the_pages_and_has_no_complaint(trouble, tmp_path, width):
    with serving(trouble.warehouse, guard=lambda: None) as running:
        for number, path in enumerate(
            ("/", f"/units/{EA_BUNG}", "/datasets/ho_so?lang=en", "/problems", "/problems/1")
        ):
            picture = tmp_path / f"{number}.png"
            done = subprocess.run(
                [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                 f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1000",
                 f"--screenshot={picture}", running.address + path],
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert picture.exists(), done.stderr[-1000:]
            complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
            assert complaints == [], path
            assert picture.stat().st_size > 20_000, f"{path} is empty"
