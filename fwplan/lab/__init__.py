"""The rehearsal: a plan applied in a small world of private network namespaces, and packets really sent in it."""
