"""A producer as a process of its own: makes its messages first, sends when told, as fast as it can.

``python -m benchmarks.feeder BOOTSTRAP TOPIC FORMAT HOSTS CPUS START_MS FIRST_TICK TICKS PARTITIONS``: prints
``made N``, waits for a line on standard input, prints ``sent``. The format ``columnar`` stands for what the gateway
writes for so many partitions.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import IO, cast

from benchmarks.messages import FORMATS, Fleet, columnar, flushed, producer, send
from benchmarks.workers import PARTITIONS

COLUMNAR = "columnar"


def main(arguments: list[str]) -> None:
    bootstrap, topic, form = arguments[:3]
    hosts, cpus, start_ms, first, ticks, partitions = map(int, arguments[3:])
    fleet, span = Fleet(hosts, cpus, start_ms), range(first, first + ticks)
    messages = list(columnar(fleet, span, partitions) if form == COLUMNAR else FORMATS[form](fleet, span))
    sender = producer(bootstrap)
    sender.list_topics(timeout=10)
    print(f"made {len(messages)}", flush=True)
    sys.stdin.readline()
    for position, message in enumerate(messages):
        send(sender, topic, message)
        if position % 10_000 == 0:
            sender.poll(0)
    flushed(sender)
    print("sent", flush=True)


@dataclass
class Feeder:
    """That process, from the outside."""

    process: subprocess.Popen[str]

    @classmethod
    def start(cls, bootstrap: str, topic: str, form: str, fleet: Fleet, ticks: range) -> Feeder:
        """Start it and wait until its messages are made."""
        numbers = (fleet.hosts, fleet.cpus, fleet.start_ms, ticks.start, len(ticks), PARTITIONS)
        command = [sys.executable, "-m", "benchmarks.feeder", bootstrap, topic, form, *map(str, numbers)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        feeder = cls(process)
        feeder._expect("made")
        return feeder

    def go(self) -> None:
        """Send."""
        pipe = cast("IO[str]", self.process.stdin)
        pipe.write("go\n")
        pipe.flush()

    def finish(self) -> None:
        """Wait until it has sent."""
        self._expect("sent")
        self.process.wait(30)

    def kill(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()

    def _expect(self, word: str) -> None:
        line = cast("IO[str]", self.process.stdout).readline()
        if not line.startswith(word):
            raise RuntimeError(f"the feeder said {line!r}, not {word!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
