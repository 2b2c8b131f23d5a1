"""The same job, written for other engines as their users would write it.

The job: raw JSON, one sample a message; for every series the count, mean and standard deviation over five windows
(5m, 15m, 1h, 24h, 7d); for every sample its z against the last hour; what exceeds a limit goes to a topic. State is
kept durable by each engine's own means.
"""
