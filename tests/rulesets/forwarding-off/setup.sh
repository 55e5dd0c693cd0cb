# Nothing else is on the host; something set net.ipv4.ip_forward to 0 after libvirt (see fixture.toml).
