"""Our own API, ``/api/v1``: alerts, incidents, silences, routes, how well it goes, what changes."""
