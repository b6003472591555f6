"""What the tests stand on: real services started by pid, a client that behaves like a browser, counters."""
