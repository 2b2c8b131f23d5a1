"""The latest state for readers, in Redis or Valkey: written by the role ``project``, read by the console.

Everything here can be made again from the topics, and is, once it is lost. No stage of the flow reads it. The client
of Redis is imported by those who need it: ``sink``, ``store``, ``embedded``.
"""

from integrations.serving.settings import ServingSettings

__all__ = ["ServingSettings"]
