"""``python -m embedsync``: the same as the command ``embedsync``."""

from embedsync.cli import main

if __name__ == "__main__":
    main()
