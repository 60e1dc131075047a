"""Small histograms of columns, in which a range or a bar can be chosen."""
