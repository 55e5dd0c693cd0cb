# The zone that libvirt gave the bridge is not permanent: a complete reload, or a restart of firewalld, forgets it.
firewall-cmd --zone=libvirt --change-interface=virbr0
firewall-cmd --complete-reload
firewall-cmd --get-zone-of-interface=virbr0 || true
