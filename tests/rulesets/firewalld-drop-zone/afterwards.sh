# An administrator who wants "untrusted guests" to have nothing at all, with a zone that also refuses what libvirt promises.
firewall-cmd --zone=drop --change-interface=virbr0
