"""Whether a file was touched lately; for health checks: ``python docker/recent.py FILE SECONDS``."""

import sys
import time
from pathlib import Path


def main(file, seconds):
    """Exit code 0 when the file is younger than so many seconds; without the file it is 1."""
    path = Path(file)
    return 0 if path.exists() and time.time() - path.stat().st_mtime < float(seconds) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
