"""The commands of ``metrics-ai``, one file a group. Heavy imports stand inside the functions: ``--help`` is quick."""
