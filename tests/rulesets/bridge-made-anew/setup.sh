# Nothing else is on the host.
