#!/usr/bin/env bash
# The livekit-client bundle of the viewer page, from npm. Usage: tools/setup-viewer.sh
. "$(dirname "$0")/common.sh"

bundle=lkedge/viewer/livekit-client.umd.js
version=$(sed -n 's/.*"livekit-client": *"\([0-9.]*\)".*/\1/p' tests/browser/package.json)
[ -n "$version" ] || die "tests/browser/package.json names no version of livekit-client"
hash=$(content_hash tools/setup-viewer.sh "$version")
if [ -s "$bundle" ] && is_stamped viewer "$hash"; then exit 0; fi

packages=$(need_command node nodejs; need_command npm npm)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
say "fetching livekit-client $version from npm"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
( cd "$folder" && npm pack --silent "livekit-client@$version" >/dev/null ) || die "npm could not fetch livekit-client@$version"
tar -xzf "$folder"/livekit-client-*.tgz -C "$folder"
cp "$folder/package/dist/livekit-client.umd.js" "$folder/bundle.js"
sed -i '/^\/\/# sourceMappingURL=/d' "$folder/bundle.js"
mv "$folder/bundle.js" "$bundle"
chmod 644 "$bundle"
stamp viewer "$hash"
