"""The life of an alert: episodes become alerts, alerts become incidents.

Nothing here reads a clock, a socket or a topic; a result never depends on the order of arrival.
"""
