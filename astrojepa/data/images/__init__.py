"""Single images, one file per format: the bytes of somebody's file in, uint8 (H, W, 3) out."""

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FITS_SUFFIXES = tuple(
    f".{name}{packed}" for name in ("fits", "fit", "fts") for packed in ("", ".gz", ".bz2", ".fz")
)
