"""Every page of the console has its picture, and the page of pictures is the one that ``make screens`` writes."""

import struct

from lienthong.console.app import routes

from ..screens.pages import CONSOLE, FOLDER, PAGES, overview

# Not pages of their own: answers for machines, the style sheet, what a frame in Airflow's own pages shows.
NO_PICTURE = {"metrics", "health", "airflow", "{path:path}"}


def test_every_page_of_the_list_has_its_picture_and_there_is_no_other():
    assert len({page.name for page in PAGES}) == len(PAGES)
    assert {path.name for path in FOLDER.iterdir()} == {page.file for page in PAGES} | {"README.md"}


def test_every_picture_is_one_that_a_page_shows_and_none_is_heavy():
    for page in PAGES:
        content = (FOLDER / page.file).read_bytes()
        assert (content[:4], content[8:12]) == (b"RIFF", b"WEBP"), page.file
        assert struct.unpack("<I", content[4:8])[0] + 8 == len(content), "whole"
        assert 10_000 < len(content) < 150_000, page.file


def test_the_page_of_pictures_is_made_from_the_list():
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == overview(), "run: make screens"


def test_a_new_page_of_the_console_cannot_be_without_a_picture():
    def first(path):
        return path.split("?")[0].strip("/").split("/")[0]

    served = {first(route.path) for route in routes.routes if "GET" in route.methods and ".css" not in route.path}
    shown = {first(page.address.removeprefix(CONSOLE)) for page in PAGES if page.address.startswith(CONSOLE)}
    assert served - NO_PICTURE - shown == set()
