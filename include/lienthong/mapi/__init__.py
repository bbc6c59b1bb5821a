"""Client of the national portal's first protocol: sessions, calls, lookups and catalogue pulls over HTTP."""

from lienthong.mapi.answers import Answer, Call
from lienthong.mapi.catalogue import Catalogue
from lienthong.mapi.client import Mapi
from lienthong.mapi.masking import mask, personal_values, says_only_success
from lienthong.mapi.options import Options
from lienthong.mapi.transport import NoAnswer, NotTaken, TooLarge

__all__ = [
    "Answer",
    "Call",
    "Catalogue",
    "Mapi",
    "NoAnswer",
    "NotTaken",
    "Options",
    "TooLarge",
    "mask",
    "personal_values",
    "says_only_success",
]
