"""What rules cost on this machine: packets through a host of network namespaces, with more and more networks."""
