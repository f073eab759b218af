#!/usr/bin/env bash
# The Debian packages, in dist/ or FOLDER; needs root for the build roots. docs/packaging.md tells more.
# Usage: tools/build-deb.sh [--out FOLDER] [--architecture ARCH]... [SUITE...]
. "$(dirname "$0")/common.sh"

out=dist suites=() options=()
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=$2; shift 2 ;;
    --architecture) options+=("$1" "$2"); shift 2 ;;
    *) suites+=("$1"); shift ;;
  esac
done
[ ${#suites[@]} -gt 0 ] || suites=(trixie bookworm)

packages=$(need_command mmdebstrap mmdebstrap; need_command dpkg-deb dpkg; need_command unshare util-linux)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
as_root true || die "building packages needs root, for the folder with the release's compilers: run this as root"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/lkedge/build-roots
hash=$(content_hash packaging/build-root.sh)
mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9
for suite in "${suites[@]}"; do
  root=$cache/$suite-$hash
  if [ ! -d "$root" ]; then
    say "Debian $suite with compilers, in $root (about two minutes)"
    as_root rm -rf --one-file-system "$root.new"
    as_root nice -n 10 packaging/build-root.sh "$suite" "$root.new" || die "the build root of $suite could not be built"
    as_root mv -T "$root.new" "$root"
  fi
  say "packages for $suite"
  as_root env PYTHONPATH="packaging:." ${SOURCE_DATE_EPOCH:+SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH"} \
    ${DEBFULLNAME:+DEBFULLNAME="$DEBFULLNAME"} ${DEBEMAIL:+DEBEMAIL="$DEBEMAIL"} \
    nice -n 10 .venv/bin/python -m lkedge_deb --suite "$suite" --root "$root" --out "$out" "${options[@]}"
done
