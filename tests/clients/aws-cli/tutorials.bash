# The tutorials, with a PostgreSQL of their own in the place of the reader's. Sourced by `commands`.

mkdir bin
ln -s "$(realpath "${STRONGROOM_BIN:-$here/../../../target/debug/strongroom}")" bin/strongroom
ln -s "$(realpath "$(dirname "$AWS_SHARED_CREDENTIALS_FILE")")" data
export PATH="$scratch/bin:$PATH"

for tutorial in single-user alternating-users; do
    said=$("$here/../python/postgresql.py" "$here/tutorial.py" "$here/../../../docs/tutorials/$tutorial.md" 2>&1) || true
    if [[ ${said##*$'\n'} =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        [[ ${BASH_REMATCH[2]} -eq 0 ]] || printf '%s\n' "${said%$'\n'*}"
    else
        fail "tutorial $tutorial" "$said"
    fi
done
