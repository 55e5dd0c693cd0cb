# dockerd with the default bridge, a network of its own, and a container with a published port in each.
mkdir -p /tmp/image/bin
cp /bin/busybox /tmp/image/bin/busybox
cat >/tmp/daemon.json <<JSON
{"storage-driver": "vfs", "data-root": "/tmp/docker", "cgroup-parent": "/fwplan-rulesets"}
JSON
dockerd --config-file /tmp/daemon.json &
until docker version; do sleep 0.5; done
tar -C /tmp/image -c . | docker import - busybox
docker network create --subnet 172.18.0.0/16 --opt com.docker.network.bridge.name=br-web web
docker run -d --name one -p 8080:80 busybox /bin/busybox sleep 1d
docker run -d --name two --network web -p 127.0.0.1:8081:80 -p 5300:53/udp busybox /bin/busybox sleep 1d
