"""One vector per galaxy: computing them, storing them, and comparing them."""
