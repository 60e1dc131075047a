"""The server's side: settings, what is served, images by address, readiness, memory."""
