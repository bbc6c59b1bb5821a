"""The sandbox's list of contacts is one that the product imports: every unit once, each with its own mailbox."""

from lienthong.alerts.contacts import read_contacts
from lienthong.sandbox.contacts import contacts
from lienthong.sandbox.units import units


def test_every_unit_has_a_mailbox_of_its_own(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(contacts(), encoding="utf-8")
    found = {one.unit: one for one in read_contacts(path, [one.code for one in units()])}
    assert len(found) == 117, "116 units and the province"
    assert len({one.address for one in found.values()}) == 117
    assert (found["H15.131"].name, found["H15.131"].address) == ("UBND xã Ea Súp", "xa.ea.sup@daklak.example")
    assert found[""].scope == "province"
