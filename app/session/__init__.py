"""One visitor's session: what is open, links, marks, and how a page waits for long work."""
