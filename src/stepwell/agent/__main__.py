"""So that `ps` shows what it is: python -m stepwell.agent."""

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
