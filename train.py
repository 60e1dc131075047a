"""Learn galaxy morphology without labels.

python train.py --lambda 0.6                              Galaxy10 DECaLS, or simulated galaxies
python train.py --lambda 0.6 --data galaxies --epochs 5   on a folder of images
python train.py --resume runs/20260101-small.sigreg06     go on after Ctrl-C or a crash
"""

import sys

from astrojepa.cli.train import train_main

if __name__ == "__main__":
    sys.exit(train_main())
