#!/usr/bin/env bash
# What the service lab (tests/service) needs: Debians to boot, and this checkout's packages; needs root.
# Usage: tools/setup-service-lab.sh [--print]
# --print: only the folder with the roots and packages, which must be there.
. "$(dirname "$0")/common.sh"

lab=tests/service/lab
cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkedge/service-lab
roots="trixie-amd64 bookworm-amd64 trixie-arm64 bookworm-arm64"

if [ "${1:-}" = --print ]; then
  [ -d "$cache/packages" ] || die "the service lab is not there: run tools/setup-service-lab.sh"
  printf '%s\n' "$cache"
  exit 0
fi

packages=$(need_command systemd-nspawn systemd-container; need_command mmdebstrap mmdebstrap; need_command nsenter util-linux
  need_command qemu-aarch64-static qemu-user-static; need_command arch-test arch-test)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
as_root true || die "the service lab needs root, to boot a Debian in a container: run this as root"

# F: the interpreter is opened now, so that it is there in every root.
register_qemu() {
  local table=/proc/sys/fs/binfmt_misc magic mask
  [ -e "$table/register" ] || as_root mount -t binfmt_misc binfmt_misc "$table"
  [ ! -e "$table/qemu-aarch64" ] || return 0
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  printf '%s' ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):OCF" | as_root tee "$table/register" > /dev/null
}

mkdir -p "$cache"
exec 8> "$cache/lock"
flock 8
hash=$(content_hash "$lab/build.sh" "$lab/packages.txt")
for name in $roots; do
  root=$cache/$name-$hash
  if [ ! -d "$root" ]; then
    case $name in *arm64) register_qemu || die "qemu-aarch64 cannot be registered with binfmt_misc" ;; esac
    say "Debian $name, in $root (one to three minutes)"
    as_root rm -rf --one-file-system "$root.new"
    as_root nice -n 10 "$lab/build.sh" "${name%-*}" "${name#*-}" "$root.new" || die "the root $name could not be built"
    as_root mv -T "$root.new" "$root"
  fi
  ln -sfn "$root" "$cache/$name"
done

inputs=$(find lkedge plugins/*/src plugins/*/pyproject.toml systemd etc packaging docs/man pyproject.toml constraints.txt CHANGELOG.md \
  -type f ! -name '*.pyc' 2> /dev/null | sort | xargs -d '\n' sha256sum | sha256sum | cut -c1-16)
if [ "$(cat "$cache/packages/inputs" 2> /dev/null)" != "$inputs" ]; then
  as_root rm -rf "$cache/packages.new"
  tools/build-deb.sh --out "$cache/packages.new" trixie bookworm
  printf '%s\n' "$inputs" | as_root tee "$cache/packages.new/inputs" > /dev/null
  as_root rm -rf "$cache/packages"
  as_root mv -T "$cache/packages.new" "$cache/packages"
fi
register_qemu || say "no arm64 here: qemu-aarch64 cannot be registered with binfmt_misc"
