"""The transports of sockets: what moves bytes between the operating system and a protocol."""
