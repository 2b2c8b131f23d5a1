"""History as Parquet by tenant and day of event time: how objectives stood, their alerts, incidents' final states.

A row has an identity and a version; reading keeps the newest version of each. So files may say a thing twice (after a
crash, while a day's files are made one) and it still counts once. No file is ever changed, and none is deleted before
all that it says stands safe in another.
"""

from integrations.history.settings import HistorySettings
from integrations.history.sink import HistorySink

__all__ = ["HistorySettings", "HistorySink"]
