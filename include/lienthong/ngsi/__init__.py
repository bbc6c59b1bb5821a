"""Client of an NGSI-LD context broker (ETSI GS CIM 009), and the entities that are sent to it."""

from lienthong.ngsi.broker import Broker, Failure, OtherTenant, Told
from lienthong.ngsi.options import Options

__all__ = ["Broker", "Failure", "Options", "OtherTenant", "Told"]
