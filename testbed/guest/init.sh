#!/bin/sh
# The guest's first program: drivers, the address of vm.ip, a shell on ttyS1.
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o size=64m tmp /tmp
arg() { for w in $(cat /proc/cmdline); do case $w in "$1"=*) echo "${w#*=}"; return;; esac; done; }
hostname "$(arg vm.name)"
while read -r m; do insmod "/lib/$m.ko"; done </lib/order
ip link set lo up
ip link set eth0 up
ip=$(arg vm.ip)
[ -z "$ip" ] || ip addr add "$ip" dev eth0

# What nc reads when it has nothing to send and is not to hang up.
mkfifo /tmp/never
# stream N: N times the pattern, numbered.
stream() { i=0; while [ $i -lt "$1" ]; do echo "$i"; cat /pattern; i=$((i+1)); done; }
# give N HOST PORT, take PORT: a stream sent, and what came, as a digest in /tmp/took.PORT.
give() { stream "$1" | nc "$2" "$3"; }
take() { nc -l -p "$1" 9<>/tmp/never <&9 | md5sum | cut -d' ' -f1 >/tmp/taking."$1"; mv /tmp/taking."$1" /tmp/took."$1"; }

# Raw, and not an interactive shell, which would echo.
(stty raw -echo; while read -r line; do (eval "$line"); done) </dev/ttyS1 >/dev/ttyS1 2>&1 &
echo "GUEST-READY $(cut -d' ' -f1 /proc/uptime)" >/dev/console
while :; do sleep 3600; done
