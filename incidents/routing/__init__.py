"""Who is told of what: routes, receivers, time intervals and inhibition, in Alertmanager's shape and meaning.

Nothing here reads a clock, a socket, a topic or a file: texts and times are given.
"""
