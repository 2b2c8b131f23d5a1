"""Other detectors behind one interface: a series in, a score for each sample out, above 1.0 = anomalous.

All are causal: a sample's score knows the samples up to it. Each has the first day to learn in, which is not counted.
"""

from benchmarks.planted.peers.base import LEARN_S, Peer
from benchmarks.planted.peers.ours import Ours
from benchmarks.planted.peers.river_scorers import Gaussian, Predictive, Trees
from benchmarks.planted.peers.seasonal import HourOfDay
from benchmarks.planted.peers.static import FixedLimit, ThreeSigma

PEERS: tuple[Peer, ...] = (
    Ours(),
    Ours(detector="windows"),
    ThreeSigma(),
    FixedLimit(),
    HourOfDay(),
    Gaussian(),
    Trees(),
    Predictive(),
)

__all__ = [
    "LEARN_S",
    "PEERS",
    "FixedLimit",
    "Gaussian",
    "HourOfDay",
    "Ours",
    "Peer",
    "Predictive",
    "ThreeSigma",
    "Trees",
]
