"""Univariate tests against N(0, 1), one file each: what SIGReg applies to every direction."""
