"""The outside world: producers' formats in, Kafka connections, the ingest gateway."""
