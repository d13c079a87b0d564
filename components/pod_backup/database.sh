# Dumps, checks and restores both databases: `bash database.sh dump | check | restore`, in the database's image.
#
# The login comes by libpq's own variables (PGHOST, PGPORT, PGUSER, PGPASSWORD); RUNS_DATABASE and USERS_DATABASE
# are the databases, WORK is a folder that the containers of the pod share.
set -euo pipefail
umask 077
cd "$WORK"
declare -A database=([runs]=$RUNS_DATABASE [users]=$USERS_DATABASE)
export PGCONNECT_TIMEOUT=20

fail() { echo "error: $*" >&2; exit 1; }

ask() { psql -X -q -At -F ' ' -w -v ON_ERROR_STOP=1 -d "$@"; }

# What stands in a dump: "rows TABLE N", "schema TABLE REVISION", "direct N" (rows that name the bucket itself).
# All of it is read for that, so a dump that is cut or broken anywhere ends here.
read_back() { # FILE
    pg_restore --list "$1" > /dev/null && pg_restore --file=- "$1" | awk -v root="s3://${BACKUP_BUCKET:-}/" '
        /^COPY .* FROM stdin;$/ { table = $2; rows = 0; data = 1; next }
        data && $0 == "\\." { print "rows", table, rows; data = 0; next }
        data {
            rows++
            if (table ~ /\.alembic_version/) print "schema", table, $1
            if (table ~ /\.(experiments|runs|logged_models|model_versions)$/ && index($0, "\t" root)) direct++
        }
        END { print "direct", direct + 0 }'
}

dump() { # Users first: a permission for an experiment that is not there yet could fall to another one of its number.
    local part
    for part in users runs; do
        pg_dump --format=custom --no-password --lock-wait-timeout=60s --file="$part.dump" "${database[$part]}"
        read_back "$part.dump" > "$part.found"
    done
}

# What a target has that a restore would lose, one line each: TABLE N. What `pulumi up` and `make verify` make
# is nothing: the default experiment, the administrator, the experiment "verify".
contents() {
    local made="'experiments', 'experiment_tags', 'runs', 'params', 'metrics', 'latest_metrics', 'tags', 'users',
        'experiment_permissions'" part
    for part in runs users; do
        ask "${database[$part]}" <<- SQL || return 1
			SELECT format('SELECT %L, count(*) FROM %I.%I HAVING count(*) > 0', tablename, schemaname, tablename)
			FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
			AND tablename !~ '^alembic_version' AND tablename NOT IN ($made) \gexec
		SQL
    done
    ask "${database[runs]}" <<- 'SQL' || return 1
		SELECT 'experiments', count(*) FROM experiments WHERE name NOT IN ('Default', 'verify') HAVING count(*) > 0;
		SELECT 'runs', count(*) FROM runs JOIN experiments USING (experiment_id) WHERE experiments.name <> 'verify'
		HAVING count(*) > 0;
	SQL
    ask "${database[users]}" -c "SELECT 'users', count(*) FROM users HAVING count(*) > 1"
}

check() {
    local part kind table revision there
    for part in runs users; do
        there=$(read_back "$part.dump" | grep -v '^direct' | sort) ||
            fail "$part.dump cannot be read to its end: nothing was changed"
        [[ $there == "$(sort "$part.wanted")" ]] ||
            fail "$part.dump does not hold what the manifest says: nothing was changed"
        while read -r kind table revision; do
            [[ $kind == schema ]] || continue
            there=$(ask "${database[$part]}" -c "SELECT version_num FROM $table") ||
                fail "the target's database ${database[$part]} has no $table: is its server up?"
            [[ $there == "$revision" ]] || fail "the backup's schema is $revision ($table), the target's is" \
                "$there: give the target the chartVersion and imageMlflow of the backup's stack, restore, then upgrade"
        done < "$part.wanted"
    done
    refuse_contents
}

refuse_contents() {
    local there
    [[ $REPLACE != true ]] || return 0
    there=$(contents) || fail "what the target has cannot be counted"
    [[ -z $there ]] || fail "the target is not empty: it has ${there//$'\n'/, } (tables and their rows)"
}

script() { # FILE: the statements that put a dump in place of what is there
    # A server older than 17 does not know that setting; the first line alone, which no data can be.
    pg_restore --file=- --clean --if-exists --no-owner --no-privileges "$1" |
        sed '0,/^SET transaction_timeout = 0;$/{//d}'
}

users() { # COMMIT stands only behind a dump that was read to its end
    { echo "BEGIN;" && script users.dump && echo "COMMIT;"; } | ask "${database[users]}" > /dev/null
}

# One transaction for each database, that of the users inside that of the runs: both are restored, or neither.
restore() {
    for ((waited = 0; waited < PATIENCE * 5; waited++)); do [[ -e go ]] && break; sleep 0.2; done
    [[ -e go ]] || fail "nobody has stopped the server within $PATIENCE s: nothing was changed"
    refuse_contents
    {
        echo "BEGIN;" && script runs.dump && echo "\\! bash '$0' users" &&
            printf '%s\n' '\if :SHELL_ERROR' 'DO $$ BEGIN RAISE EXCEPTION $e$the users were not restored$e$; END $$;' \
                '\endif' "COMMIT;"
    } | ask "${database[runs]}" > /dev/null
}

"$1"
