# netavark as Podman calls it: the network podman with one container, whose port 80 is published at 8080,
# and an internal network of another container.
setup() {
    container=$1 settings=$2
    ip netns add "$container"
    echo "$settings" | /usr/lib/podman/netavark --config /run/netavark --aardvark-binary /usr/lib/podman/aardvark-dns \
        setup "/run/netns/$container"
}
setup one '{
 "container_id": "1111111111111111111111111111111111111111111111111111111111111111", "container_name": "one",
 "port_mappings": [
  {"host_ip": "", "container_port": 80, "host_port": 8080, "range": 1, "protocol": "tcp"},
  {"host_ip": "127.0.0.1", "container_port": 53, "host_port": 5300, "range": 3, "protocol": "udp"}],
 "networks": {"podman": {"static_ips": ["10.88.0.2"], "interface_name": "eth0"}},
 "network_info": {"podman": {"name": "podman",
  "id": "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9", "driver": "bridge",
  "network_interface": "podman0", "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}],
  "ipv6_enabled": false, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}}}'
setup two '{
 "container_id": "2222222222222222222222222222222222222222222222222222222222222222", "container_name": "two",
 "networks": {"inner": {"static_ips": ["10.89.0.2"], "interface_name": "eth0"}},
 "network_info": {"inner": {"name": "inner",
  "id": "5f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9", "driver": "bridge",
  "network_interface": "podman1", "subnets": [{"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}],
  "ipv6_enabled": false, "internal": true, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}}}'
