#!/bin/sh
# Runs the native decoders under libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer, without Node.
#
#   scripts/fuzz.sh [seconds, shared by the targets; 300]
#
# Needs clang++ and its sanitizer runtime (Debian: clang, libclang-rt-14-dev). What is found lies in .setup/fuzz.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-300}
targets=${FUZZ_TARGETS:-"fuzz_json fuzz_ndjson fuzz_msgpack fuzz_otlp_protobuf fuzz_otlp_json"}
share=$((seconds / $(echo "$targets" | wc -w)))
out=.setup/fuzz
mkdir -p "$out"
cxx=${CXX:-clang++}
flags="-std=c++20 -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
include="-Inative -Inode_modules/@nozbe/simdjson/src"

compile() { # source, object, further flags
  if [ ! -e "$2" ] || [ -n "$(find "$1" native -newer "$2" \( -name '*.cc' -o -name '*.h' \) | head -n 1)" ]; then
    # shellcheck disable=SC2086
    $cxx $flags $3 $include -c "$1" -o "$2"
  fi
}

# simdjson is trusted: instrumenting it would only make the targets slow.
[ -e "$out/simdjson.o" ] || $cxx -std=c++20 -O2 -w $include -c node_modules/@nozbe/simdjson/src/simdjson.cpp -o "$out/simdjson.o"
objects="$out/simdjson.o"
for source in native/date_time.cc native/json_grammar.cc native/kernel_select.cc native/name_uuid.cc native/structural_index.cc native/kernels/*.cc; do
  object="$out/$(basename "$source" .cc).o"
  compile "$source" "$object" -fsanitize=fuzzer-no-link
  objects="$objects $object"
done

node native/fuzz/make_corpus.mjs "$out/seeds"
for target in $targets; do
  compile "native/fuzz/$target.cc" "$out/$target.o" -fsanitize=fuzzer-no-link
  # shellcheck disable=SC2086
  $cxx $flags -fsanitize=fuzzer "$out/$target.o" $objects -o "$out/$target"
done
for target in $targets; do
  mkdir -p "$out/corpus/$target"
  echo "== $target, $share s"
  nice -n 19 "$out/$target" -max_total_time="$share" -max_len=8192 -timeout=60 -rss_limit_mb=2048 \
    -dict=native/fuzz/dictionary.txt -artifact_prefix="$out/$target-" -print_final_stats=1 \
    "$out/corpus/$target" "$out/seeds/$target" 2>&1 | grep -E 'ERROR|SUMMARY|broken promise|runtime error|stat::|DONE|artifact|    #[0-9]' || true
  if [ -n "$(find "$out" -name "$target-*" -newer "$out/$target" -type f)" ]; then
    echo "$target: findings in $out" >&2
    exit 1
  fi
done
echo 'no findings'
