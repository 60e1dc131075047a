"""python -m astrojepa COMMAND"""

import sys

from astrojepa.commands import main

if __name__ == "__main__":
    sys.exit(main())
