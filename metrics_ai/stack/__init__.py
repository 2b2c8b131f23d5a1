"""The whole stack on one machine: a broker, a process a role, and one page that tells of them.

Only the supervisor's own thread starts and ends processes; everything it starts ends with it, whatever ends it.
"""
