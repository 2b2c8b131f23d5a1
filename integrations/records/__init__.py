"""Records of 13 months in a database: incidents, alerts, what was told to whom, what people said of it.

Written by the role ``project`` from the topics, read by the console and by reports. SQLite or PostgreSQL: nothing here
is said in words of one of them alone, but for how two writers wait for each other.
"""

from integrations.records.settings import RecordsSettings

__all__ = ["RecordsSettings"]
