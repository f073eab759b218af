#!/usr/bin/env bash
# Builds the disk of the device lab. As root. Usage: build.sh TARBALL FOLDER
# On top of the root file system of base.sh: the drivers, the venv and the agent; FOLDER gets disk.img, vmlinuz,
# initrd.img and notes.
set -euo pipefail
lab=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$lab/../../.." && pwd)
say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"; }

build_drivers() {
  say "the drivers vicodec, vim2m and vimc, which Debian does not build (kernel $kernel)"
  local drivers=linux-source-6.12/drivers/media
  tar -C "$root/usr/src" -xJf "$root"/usr/src/linux-source-6.12.tar.xz \
    "$drivers"/test-drivers/{vicodec,vim2m.c,vimc} "$drivers/v4l2-core/v4l2-mem2mem.c"
  rm "$root"/usr/src/linux-source-6.12.tar.xz
  mkdir "$root/usr/src/lab"
  mv "$root/usr/src/$drivers"/test-drivers/{vicodec,vim2m.c,vimc} "$root/usr/src/$drivers/v4l2-core/v4l2-mem2mem.c" "$root/usr/src/lab"
  in_root patch -s -p1 -d /usr/src/lab/vicodec < "$lab/vicodec-faults.patch"
  cp "$lab/Kbuild" "$root/usr/src/lab/Kbuild"
  in_root make -s -j"$(nproc)" -C "/lib/modules/$kernel/build" M=/usr/src/lab \
    CONFIG_VIDEO_VICODEC=m CONFIG_VIDEO_VIMC=m modules >&2
  mkdir -p "$root/lib/modules/$kernel/extra"
  find "$root/usr/src/lab" -name '*.ko' -exec cp -t "$root/lib/modules/$kernel/extra" {} +
  in_root depmod "$kernel"
}

build_venv() {
  say "the venv /opt/lkedge: what lkedge and its plugins need from PyPI"
  cp "${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}" "$root/etc/ssl/certs/ca-certificates.crt"
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  cp "$checkout/constraints.txt" "$root/opt/constraints.txt"
  python3 "$lab/requirements.py" "$checkout" > "$root/opt/requirements.txt"
  in_root python3 -m venv --system-site-packages /opt/lkedge
  pip_in_root install -r /opt/requirements.txt
  pip_in_root install picamera2 || echo "picamera2 cannot be installed from PyPI" >> "$folder/notes"
}

pip_in_root() {
  in_root ${PIP_INDEX_URL:+PIP_INDEX_URL="$PIP_INDEX_URL"} ${https_proxy:+https_proxy="$https_proxy"} \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_DEFAULT_TIMEOUT=180 \
    /opt/lkedge/bin/pip --disable-pip-version-check -q "$@" -c /opt/constraints.txt >&2
}

add_agent() {
  local guest=$lab/guest
  install -m 644 "$guest/lab-agent.py" "$root/usr/local/lib/lab-agent.py"
  install -D -m 644 "$guest/lab-agent.service" "$root/etc/systemd/system/lab-agent.service"
  install -D -m 644 "$guest/modprobe.conf" "$root/etc/modprobe.d/lab.conf"
  install -D -m 644 "$guest/modules-load.conf" "$root/etc/modules-load.d/lab.conf"
  install -D -m 644 "$guest/udev.rules" "$root/etc/udev/rules.d/90-lab.rules"
  install -D -m 644 "$guest/tmpfiles.conf" "$root/etc/tmpfiles.d/lab.conf"
  install -D -m 644 "$guest/network.conf" "$root/etc/systemd/network/lab.network"
  printf 'lab\n' > "$root/etc/hostname"
  printf '127.0.0.1 localhost lab\n' > "$root/etc/hosts"
  in_root systemctl -q enable lab-agent systemd-networkd
  in_root systemctl -q mask serial-getty@ttyS0 getty@tty1 apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
    e2scrub_reap fstrim.timer systemd-networkd-wait-online systemd-logind
  in_root systemd-machine-id-setup >&2
}

make_disk() {
  say "initrd and disk"
  printf 'MODULES=list\nCOMPRESS=gzip\n' > "$root/etc/initramfs-tools/conf.d/lab"
  printf 'virtio_pci\nvirtio_blk\nvirtio_net\nvirtio_console\next4\n' > "$root/etc/initramfs-tools/modules"
  in_root update-initramfs -u -k "$kernel" >&2
  cp "$root/boot/vmlinuz-$kernel" "$folder/vmlinuz"
  cp "$root/boot/initrd.img-$kernel" "$folder/initrd.img"
  rm -rf "$root"/usr/src/lab/*.o "$root"/var/cache/apt/* "$root"/root/.cache
  # So that no boot does what is due once after each update of /usr.
  touch "$root/etc/.updated" "$root/var/.updated"
  mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d "$root" "$folder/disk.img" 5G
}

folder=$2
root=$(mktemp -d "$folder/root.XXXXXX")
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$root"' EXIT
: > "$folder/notes"
tar -C "$root" --numeric-owner -xf "$1"
kernel=$(basename "$root"/lib/modules/*-amd64)
mount -t proc proc "$root/proc"
build_drivers
build_venv
add_agent
umount "$root/proc"
make_disk
chmod a+r "$folder"/*
