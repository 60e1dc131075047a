"""The objective: masked prediction, invariance, SIGReg; and the masks."""
