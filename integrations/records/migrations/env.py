"""What Alembic runs: the steps that are missing, on the connection that it was given."""

from __future__ import annotations

from alembic import context

from integrations.records.tables import METADATA

# Only while Alembic runs it is there something to run.
if hasattr(context, "config"):
    connection = context.config.attributes["connection"]
    # The transaction is the caller's: the lock that keeps others out lasts as long.
    context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=False)
    context.run_migrations()
