# Somebody, or a network manager, deletes the bridge and makes it again.
ip link delete virbr0
ip link add virbr0 type bridge stp_state 0 forward_delay 0
ip address add 192.168.122.1/24 brd + dev virbr0
ip link set virbr0 up
for port in vnet0 vnet1; do ip link set "$port" master virbr0 up; done
