"""How we reach Kafka, and how a broker is started where there is none.

``connection`` is the only place that knows TLS and SASL; nothing else may build a client's options by hand.
``embedded`` and ``apache`` start brokers as child processes that cannot outlive us.
"""

from integrations.kafka.connection import KafkaSettings

__all__ = ["KafkaSettings"]
