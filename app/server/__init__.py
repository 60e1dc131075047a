"""The server's side: settings, what is served, pictures by address, readiness, memory."""
