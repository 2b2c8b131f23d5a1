"""What happened, and what is known of a series, in words and pictures. Topics are read, nothing is written to them."""
