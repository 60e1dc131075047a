"""What is minimised: masked prediction, invariance between views, SIGReg; and which patches are
hidden.
"""
