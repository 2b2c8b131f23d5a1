"""The front door: command line, configuration, bootstrap, the supervised stack."""
