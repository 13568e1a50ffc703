#!/usr/bin/env bash
# prepare.sh FOLDER: puts what a node of OpenSearch needs into FOLDER, unless it is there: the
# modules, by Maven, and SearchNode, by javac. Tests start nodes from it.
set -euo pipefail
cd "$(dirname "$0")"
folder=$1
[ ! -d "$folder" ] || exit 0
for program in java javac jar mvn; do
  command -v $program >/dev/null || { echo "there is no $program" >&2; exit 1; }
done
mkdir -p "$(dirname "$folder")"
part=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$part"' EXIT
mvn -q -B -f pom.xml dependency:copy-dependencies -DoutputDirectory="$part/lib" >&2
(cd "$part/lib" && for archive in *.zip; do jar xf "$archive"; rm "$archive"; done)
javac -cp "$part/lib/*" -d "$part" SearchNode.java >&2
mv -T "$part" "$folder" 2>/dev/null || [ -d "$folder" ] || mv "$part" "$folder"
