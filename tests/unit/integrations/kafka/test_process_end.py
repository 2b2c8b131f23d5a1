from __future__ import annotations

import subprocess
import sys

_STUCK = """
import threading
from integrations.kafka.process import end_within
end_within(0.3)
threading.Event().wait()
"""


def test_a_process_that_does_not_stop_says_where_it_stands_and_ends() -> None:
    ended = subprocess.run([sys.executable, "-c", _STUCK], check=False, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 1
    assert "in wait" in ended.stderr
