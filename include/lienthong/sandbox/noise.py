"""Every chance value is a hash of what it belongs to: the same on every machine, alone or among others.

A generator with state would tie a dossier to everything drawn before it. Here the owner of a dossier follows from
the dossier's own number and the name of the question, so any day can be made alone and in any order.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.uint64]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@cache
def salt(question: str) -> np.uint64:
    """A number of 64 bits that stands for a question."""
    return np.uint64(int.from_bytes(blake2b(question.encode(), digest_size=8).digest(), "big"))


def mixed(ids: Ids, question: str) -> Ids:
    """64 well-mixed bits for each id (the finaliser of splitmix64)."""
    z = (ids ^ salt(question)) + _STEP
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


def share(ids: Ids, question: str) -> Floats:
    """A number in [0, 1) for each id, evenly spread."""
    return (mixed(ids, question) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def pick(ids: Ids, question: str, choices: int) -> Ints:
    """A whole number in [0, choices) for each id, evenly spread."""
    return (share(ids, question) * choices).astype(np.int64)


def spread(ids: Ids, question: str, low: float, high: float) -> Floats:
    """A number in [low, high) for each id, evenly spread."""
    return low + share(ids, question) * (high - low)


def waiting(ids: Ids, question: str, mean: float) -> Floats:
    """A waiting time with the given mean for each id: many short ones, few long ones."""
    return -mean * np.log1p(-share(ids, question))


def weighted(ids: Ids, question: str, weights: Floats) -> Ints:
    """The index of one of the weights for each id, as often as the weight says."""
    bounds = np.cumsum(weights)
    found: Ints = np.searchsorted(bounds, share(ids, question) * bounds[-1], side="right").astype(np.int64)
    return np.minimum(found, len(weights) - 1)
