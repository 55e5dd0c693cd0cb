# What libvirt does for each network when firewalld runs.
[ "$LIBVIRT" = alone ] || firewall-cmd --zone=libvirt --change-interface=virbr0
firewall-cmd --get-active-zones
