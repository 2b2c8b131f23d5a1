"""``python -m metrics_ai`` is ``metrics-ai``."""

from metrics_ai.cli import main

if __name__ == "__main__":
    main()
