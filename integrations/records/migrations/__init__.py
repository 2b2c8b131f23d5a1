"""How the tables came to be, step by step; run by whoever writes, before it writes."""
