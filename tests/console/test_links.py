"""Letters lead into the console: to the one problem that they tell of, or to the list of their unit."""

import pytest

from lienthong.alerts.render import render
from lienthong.services import keys, ports
from lienthong.services.embedded import Setup
from lienthong.services.folders import Folders
from lienthong.services.postgres import Server

from ..sql.alert_stories import DOWN, EA_SUP, PROVINCE, Story
from ..sql.builders import day
from .world import serving

CONSOLE = "http://127.0.0.1:8080/lienthong"


def test_the_links_of_letters_lead_to_pages_that_tell_the_same(province, contracts):
    story = Story(province, contracts, console_url=CONSOLE).at(8, 9)
    unit = story.contact(EA_SUP)
    story.contact("")
    story.source(EA_SUP, day(7), DOWN)
    single = story.at(8, 15, 30).tick()[unit]
    number = single.told[0].problem
    assert single.links["console"] == f"{CONSOLE}/problems/{number}"
    story.hold(EA_SUP, f"{EA_SUP}-250905-0001")
    digests = story.at(9, 7, 30).tick()
    assert digests[unit].links["console"] == f"{CONSOLE}/problems?unit={EA_SUP}"
    assert digests[PROVINCE].links["console"] in (f"{CONSOLE}/problems", f"{CONSOLE}/problems/{number}")
    rendered = render(digests[unit])
    assert f"{CONSOLE}/problems?unit={EA_SUP}" in rendered.text
    assert f'href="{CONSOLE}/problems?unit={EA_SUP}"' in rendered.html
    with serving(province) as running:
        for letter in (single, *digests.values()):
            page = running.get(letter.links["console"].removeprefix(CONSOLE))
            assert page.status_code == 200
            for told in letter.told:
                assert f"#{told.problem}" in page.text


@pytest.mark.parametrize(
    ("given", "expected"), [({}, CONSOLE), ({"LIENTHONG_CONSOLE_URL": "https://x.example/a"}, "https://x.example/a")]
)
def test_the_embedded_services_know_where_the_console_is(tmp_path, given, expected):
    folders = Folders(home=tmp_path / "home", var=tmp_path / "var")
    folders.sandbox.mkdir(parents=True)
    numbers = {port.name: port.default for port in ports.PORTS}
    setup = Setup(folders, given, numbers, keys.load(folders.secrets), Server.at(folders))
    assert setup.airflow_environment["LIENTHONG_CONSOLE_URL"] == expected
