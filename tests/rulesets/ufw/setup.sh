# ufw with its defaults (incoming: deny, routed: deny), and one service allowed so that its administrator can come back.
ufw default deny incoming
ufw default deny routed
ufw allow 22/tcp
ufw --force enable
