"""One detector a file; the registry is made from what lies here."""
