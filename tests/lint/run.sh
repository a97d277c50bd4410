#!/usr/bin/env bash
# Format, folder rules, file lengths; with --tidy also clang-tidy on every source of BUILD.
set -euo pipefail
build=$1
shift
status=0
git ls-files --cached --others --exclude-standard '*.cc' '*.h' | xargs clang-format --dry-run --Werror || status=1
python3 tests/lint/structure.py || status=1
if [ "${1:-}" = --tidy ]; then
  git ls-files '*.cc' | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "${build}" || status=1
fi
exit "${status}"
