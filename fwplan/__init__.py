"""fwplan: a planner for the firewall of libvirt networks."""
