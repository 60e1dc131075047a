"""Single images, one file per format: the bytes of somebody's file in, uint8 (H, W, 3) out."""
