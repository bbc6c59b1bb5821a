"""A port that somebody chose is used or refused by name; a default one that is taken is avoided."""

import socket

import pytest

from lienthong.errors import NeedsPerson
from lienthong.services.ports import PORTS, choose, is_free


def test_defaults_are_used_when_they_are_free():
    found = choose({}, free=lambda _: True)
    assert found.ports == {port.name: port.default for port in PORTS}
    assert found.notices == ()


def test_a_taken_default_is_avoided_and_said():
    found = choose({}, free=lambda number: number not in (8080, 8081))
    assert found.ports["airflow"] == 8082
    assert found.notices == ("Port 8080 (Airflow: UI and REST) is taken; 8082 is used instead.",)


def test_two_services_never_get_the_same_port():
    found = choose({"LIENTHONG_PORT_DEPARTMENT": "8090"}, free=lambda _: True)
    assert found.ports["department"] == 8090
    assert len(set(found.ports.values())) == len(PORTS)


def test_a_chosen_port_that_is_taken_is_refused_by_variable_and_number():
    with pytest.raises(NeedsPerson, match="LIENTHONG_PORT_AIRFLOW=9000"):
        choose({"LIENTHONG_PORT_AIRFLOW": "9000"}, free=lambda number: number != 9000)


@pytest.mark.parametrize("text", ["web", "0", "65536", "-1", "80.5"])
def test_what_is_no_port_is_refused(text):
    with pytest.raises(NeedsPerson, match="LIENTHONG_PORT_PORTAL must be a port number"):
        choose({"LIENTHONG_PORT_PORTAL": text}, free=lambda _: True)


def test_the_same_port_twice_is_refused():
    env = {"LIENTHONG_PORT_PORTAL": "9000", "LIENTHONG_PORT_AIRFLOW": "9000"}
    with pytest.raises(NeedsPerson, match="LIENTHONG_PORT_AIRFLOW and LIENTHONG_PORT_PORTAL are both 9000"):
        choose(env, free=lambda _: True)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_listener_takes_its_port_until_it_closes(address):
    with socket.socket() as listener:
        listener.bind((address, 0))
        listener.listen()
        number = listener.getsockname()[1]
        assert not is_free(number)
    assert is_free(number)
