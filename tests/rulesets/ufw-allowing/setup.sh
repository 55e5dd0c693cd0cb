# ufw with its defaults, and what guests need allowed.
ufw allow 22/tcp
ufw allow in on virbr0 to any port 67 proto udp
ufw allow in on virbr0 to any port 53
ufw route allow in on virbr0
ufw route allow out on virbr0
ufw --force enable
