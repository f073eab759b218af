#!/usr/bin/env bash
# Debian trixie with the packages of packages.txt, as a tarball. As root. Usage: base.sh TARBALL
set -euo pipefail
lab=$(cd "$(dirname "$0")" && pwd)
mirror=${LKEDGE_DEBIAN_MIRROR:-http://deb.debian.org/debian}

packages=$(grep -v '^#' "$lab/packages.txt" | paste -sd,)
printf '\033[1m==>\033[0m %s\n' "Debian trixie with a kernel, from $mirror (about three minutes)" >&2
mmdebstrap --quiet --mode=root --variant=minbase --include="$packages" \
  --aptopt='Acquire::Retries "3"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' trixie "$1" "$mirror"
