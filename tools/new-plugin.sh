#!/usr/bin/env bash
# Begin a plugin: plugins/_template under another name, complete, with tests that pass.
# Usage: tools/new-plugin.sh NAME [FOLDER]      FOLDER: plugins/lkedge-NAME, or outside of the checkout
destination_base=$PWD
. "$(dirname "$0")/common.sh"

usage="usage: tools/new-plugin.sh NAME [FOLDER], as in: tools/new-plugin.sh thermal ~/lkedge-thermal"
[ $# -ge 1 ] && [ $# -le 2 ] || die "$usage"
name=$1
[[ $name =~ ^[a-z][a-z0-9_]*$ ]] || die "\"$name\" cannot name a source: use lower-case letters, digits and _; $usage"
[ ! -d "plugins/lkedge-$name" ] || die "there is a plugin $name already, plugins/lkedge-$name: choose another name"

folder=${2:-$PWD/plugins/lkedge-$name}
case $folder in /*) ;; *) folder=$destination_base/$folder ;; esac
[ ! -e "$folder" ] || die "$folder exists: choose another folder, or remove it"

class=$(printf '%s' "$name" | sed -E 's/(^|_)([a-z0-9])/\u\2/g')
mkdir -p "$folder"
cp -R plugins/_template/. "$folder"
find "$folder" -name __pycache__ -type d -prune -exec rm -rf {} +
mv "$folder/src/lkedge_grey" "$folder/src/lkedge_$name"
mv "$folder/tests/test_grey_contract.py" "$folder/tests/test_${name}_contract.py"
find "$folder" -type f -exec sed -i "s/Grey/$class/g; s/grey/$name/g" {} +

say "made $folder; next:"
cat <<END
  $PWD/.venv/bin/pip install -e $folder
  $PWD/.venv/bin/lkedge plugins
  $PWD/.venv/bin/pytest $folder
  then put your hardware into $folder/src/lkedge_$name/source.py (docs/plugins.md)
END
