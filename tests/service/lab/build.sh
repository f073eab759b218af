#!/usr/bin/env bash
# A folder with a Debian that can be booted in a container. As root. Usage: build.sh SUITE ARCHITECTURE FOLDER
set -euo pipefail
suite=$1 architecture=$2 folder=$3
lab=$(cd "$(dirname "$0")" && pwd)
mirror=${LKEDGE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
packages=$(grep -v '^#' "$lab/packages.txt" | paste -sd,)
if [ "$suite" = bookworm ]; then packages+=,libasound2; else packages+=,libasound2t64; fi
# Started by hand when a test needs them, or never: they only cost time at every boot.
masked="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer systemd-networkd.service \
  systemd-resolved.service systemd-timesyncd.service console-getty.service getty@tty1.service"
mmdebstrap --quiet --mode=root --variant=minbase --architectures="$architecture" --include="$packages" \
  --aptopt='Acquire::Retries "3"' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="chroot \"\$1\" systemctl -q mask $masked" \
  --customize-hook='printf "lab\n" > "$1/etc/hostname"; printf "127.0.0.1 localhost lab\n" > "$1/etc/hosts"' \
  --customize-hook=': > "$1/etc/machine-id"; rm -f "$1/var/lib/dbus/machine-id"' \
  --customize-hook='chroot "$1" useradd -m -s /bin/sh alice; chroot "$1" useradd -m -s /bin/sh bob' \
  "$suite" "$folder" "$mirror"
