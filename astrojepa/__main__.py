"""python -m astrojepa COMMAND"""

import sys

from astrojepa.cli import main

if __name__ == "__main__":
    sys.exit(main())
