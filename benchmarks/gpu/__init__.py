"""A short time on a GPU, used in the order of value: python -m benchmarks.gpu --help"""
