"""Models on disk: released weights with their cards, hosted bundles, and other people's files."""
