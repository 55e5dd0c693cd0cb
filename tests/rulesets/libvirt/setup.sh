# libvirtd of Debian 13 starts its network default, with the backend that LIBVIRT names.

# libvirt does not start a network when the kernel has no act_csum, and kernels of test machines may lack it: what tc
# does is no rule of nftables or iptables.
printf '#!/bin/sh\nexit 0\n' >/usr/sbin/tc

printf 'firewall_backend = "%s"\n' "$LIBVIRT" >/etc/libvirt/network.conf
mkdir -p /var/lib/libvirt/dnsmasq /run/libvirt
virtlogd --daemon
libvirtd --daemon
virsh -c network:///system version

cat >/tmp/default.xml <<XML
<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr0'/>
  <ip address='192.168.122.1' prefix='24'>
    <dhcp>
      <range start='192.168.122.2' end='192.168.122.254'/>
    </dhcp>
  </ip>
</network>
XML
virsh -c network:///system net-define /tmp/default.xml
virsh -c network:///system net-start default
