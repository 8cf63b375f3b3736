#!/bin/sh
# As an outsider would: install the SDK alone, copy its template somewhere, build it against the installed files, test it.
#   installed.sh BUILD_FOLDER
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
set -e
cmake --install "$1" --prefix "$place/prefix" --component sdk >"$place/log" || { cat "$place/log"; exit 1; }
cp -r "$place/prefix/share/opshub-sdk/template" "$place/mine"
cmake -S "$place/mine" -B "$place/build" -DCMAKE_PREFIX_PATH="$place/prefix" >"$place/log" || { cat "$place/log"; exit 1; }
cmake --build "$place/build" >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
ctest --test-dir "$place/build" --output-on-failure
PKG_CONFIG_PATH=$place/prefix/lib/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # the flags are words
cc -o "$place/example.so" "$place/mine/example.c" $(pkg-config --cflags --libs opshub-sdk)
chmod go-w "$place/example.so"
"$place/prefix/bin/opshub-plugin-check" "$place/example.so"
