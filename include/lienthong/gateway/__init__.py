"""Client of the shared platform: one way to speak, three ways to be known, every name an option of the connection."""

from lienthong.gateway.client import Gateway, Page, Said
from lienthong.gateway.options import Names, Options

__all__ = ["Gateway", "Names", "Options", "Page", "Said"]
