"""One step a file, each after the one that its ``down_revision`` names."""
