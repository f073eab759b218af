#!/usr/bin/env bash
# The disk of the device lab (tests/device), once for each state of what it is made of; needs root the first time.
# Usage: tools/setup-device-lab.sh [--print]
# --print: only the folder of the disk, which must be there.
. "$(dirname "$0")/common.sh"

lab=tests/device/lab
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkedge/device-lab
base_hash=$(content_hash "$lab/packages.txt" "$lab/base.sh")
image_hash=$(content_hash "$base_hash" "$lab/build.sh" "$lab/Kbuild" "$lab"/*.patch "$lab"/guest/* constraints.txt \
  "$(python3 "$lab/requirements.py" .)")
base=$cache/base-$base_hash.tar
image=$cache/$image_hash
needed_gib=8

if [ "${1:-}" = --print ]; then
  [ -f "$image/disk.img" ] || die "the disk of the device lab is not there: run tools/setup-device-lab.sh"
  printf '%s\n' "$image"
  exit 0
fi

packages=$(need_command qemu-system-x86_64 qemu-system-x86; need_command mmdebstrap mmdebstrap; need_command mkfs.ext4 e2fsprogs)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
if [ -f "$image/disk.img" ]; then
  touch -c "$image" "$base"
  exit 0
fi

mkdir -p "$cache"
# What nobody used for two weeks.
find "$cache" -mindepth 1 -maxdepth 1 -mtime +14 \( -type d -o -name 'base-*' \) -exec rm -rf --one-file-system {} +
exec 9> "$cache/lock"
flock 9
if [ -f "$image/disk.img" ]; then exit 0; fi
[ "$(df -Pk "$cache" | awk 'NR == 2 { print int($4 / 1048576) }')" -ge $needed_gib ] \
  || die "the disk of the device lab needs $needed_gib GiB free in $cache: make room, or set XDG_CACHE_HOME to another place"
as_root true || die "building the disk of the device lab needs root once: run tools/setup-device-lab.sh as root"
say "the device lab: its disk is built, once (four to ten minutes)"
if [ ! -f "$base" ]; then
  as_root nice -n 10 "$lab/base.sh" "$base.new.tar" || die "the root file system of the device lab could not be built"
  mv "$base.new.tar" "$base"
fi
half_built=$(mktemp -d "$cache/new.XXXXXX")
chmod 755 "$half_built"
if ! as_root nice -n 10 "$lab/build.sh" "$base" "$half_built"; then
  as_root rm -rf --one-file-system "$half_built"
  die "the disk of the device lab could not be built"
fi
mv -T "$half_built" "$image"
say "the disk of the device lab is in $image"
