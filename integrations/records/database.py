"""The database: engines for SQLite and PostgreSQL, their errors in our words, and the tables brought up to date."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from integrations.records.settings import RecordsSettings
from integrations.stores import StoreError
from schemas.errors import ConfigurationError

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
# Of PostgreSQL's advisory locks, the one that writers of ours wait for while one of them alters tables.
_MIGRATION_LOCK: Final = 0x6D65747269637341
_POOL: Final = 5


class Database:
    """A database that holds, or will hold, our tables.

    Parameters
    ----------
    settings
        Where it is.
    writes
        Whether transactions write: SQLite then lets one begin only when no other writes.

    Raises
    ------
    ConfigurationError
        If there is no address, or it cannot be one.
    """

    def __init__(self, settings: RecordsSettings, *, writes: bool) -> None:
        if settings.url is None:
            raise ConfigurationError("there are no records", "Set records.url")
        self._writes = writes
        try:
            self._url = sa.make_url(settings.url.get_secret_value())
        except sa.exc.ArgumentError:
            raise ConfigurationError("records.url is no address", "sqlite:////FILE or postgresql://HOST/NAME") from None
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._sqlite(settings) if self.is_sqlite else self._postgresql(settings)
        self._file = self._file_now()

    @property
    def place(self) -> str:
        """Where it is, without its password."""
        return self._url.render_as_string(hide_password=True)

    def _sqlite(self, settings: RecordsSettings) -> sa.Engine:
        if not self._url.database:
            raise ConfigurationError("records.url names no file", "sqlite:////FILE")
        if self._writes:
            Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
        # A reader does not make the file: it would be an empty database.
        mode = "rwc" if self._writes else "rw"
        url = self._url.set(database=f"file:{self._url.database}", query={"mode": mode, "uri": "true"})
        engine = sa.create_engine(url, connect_args={"timeout": settings.timeout_s, "check_same_thread": False})
        sa.event.listen(engine, "connect", _as_wal)
        begin = "BEGIN IMMEDIATE" if self._writes else "BEGIN"
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine

    def _postgresql(self, settings: RecordsSettings) -> sa.Engine:
        patience_ms = int(settings.timeout_s * 1000)
        return sa.create_engine(
            self._url.set(drivername="postgresql+psycopg"),
            pool_size=_POOL,
            pool_pre_ping=True,
            connect_args={
                "connect_timeout": max(1, int(settings.timeout_s)),
                "application_name": "metrics-ai",
                "options": f"-c statement_timeout={patience_ms} -c lock_timeout={patience_ms}",
            },
        )

    @contextlib.contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction."""
        if self.was_replaced():
            self.dispose()
        with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Tell in our words that the database does not answer, or refuses.

        Raises
        ------
        StoreError
            In place of its own errors.
        """
        try:
            yield
        except (sa.exc.SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            words = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
            raise StoreError(f"the records at {self.place} cannot be used: {words}", "It is tried again") from error

    def migrate(self) -> None:
        """Bring the tables up to date; others that write wait meanwhile, and find it done.

        Raises
        ------
        ConfigurationError
            If a newer release altered them in a way that this one does not know.
        """
        # Only who writes needs it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config as AlembicConfig  # noqa: PLC0415
        from alembic.util.exc import CommandError  # noqa: PLC0415

        config = AlembicConfig()
        config.set_main_option("script_location", str(_MIGRATIONS))
        with self.begin() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, "head")
            except CommandError as error:
                raise ConfigurationError(
                    f"the records at {self.place} are of another release: {error}", "Run the newest release there"
                ) from error

    def was_replaced(self) -> bool:
        """Whether the file is another one than was opened, or gone: what is written to the old one is lost."""
        return self.is_sqlite and self._file_now() != self._file

    def dispose(self) -> None:
        """Let go of all connections; the next transaction opens another."""
        self._engine.dispose()
        self._file = self._file_now()

    def _file_now(self) -> tuple[int, int] | None:
        if not self.is_sqlite or not self._url.database:
            return None
        with contextlib.suppress(OSError):
            found = Path(self._url.database).stat()
            return found.st_dev, found.st_ino
        return None


def _as_wal(connection: Any, _record: object) -> None:
    # Transactions begin where we say, and not before the first statement that writes.
    connection.isolation_level = None
    # Readers and the writer do not wait for each other, and a commit survives the process's end.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
