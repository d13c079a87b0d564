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
            [[ $there == "$revision" ]] || other_schema "$table" "$revision" "$there"
        done < "$part.wanted"
    done
    refuse_contents
}

# The target's database may be that of a newer MLflow whose upgrade was taken back: then its tables can be given up.
other_schema() { # TABLE REVISION THERE
    local told="the backup's schema is $2 ($1), the target's is $3"
    [[ $(< same-mlflow) == true ]] || fail "$told: give the target the chartVersion and imageMlflow of the backup's" \
        "stack, restore, then upgrade"
    [[ $REPLACE == true ]] || fail "$told, made by another MLflow than the one that both have: --replace" \
        "(ARGS=--replace) gives up what the target has and goes back to the backup"
    touch migrated
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

# Where another MLflow has migrated the databases: the statements that take away all tables of the role. Those that it
# made are in no dump, and what refers to a table of the dump would keep that from being replaced.
emptied() {
    [[ -e migrated ]] || return 0
    cat <<- 'SQL'
		SET LOCAL client_min_messages = warning;
		SELECT format('DROP TABLE IF EXISTS %s CASCADE', oid::regclass) FROM pg_class
		WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole
		AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
		AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
		AND deptype = 'e') \gexec
	SQL
}

users() { # COMMIT stands only behind a dump that was read to its end
    { echo "BEGIN;" && emptied && script users.dump && echo "COMMIT;"; } | ask "${database[users]}" > /dev/null
}

# One transaction for each database, that of the users inside that of the runs: both are restored, or neither.
restore() {
    for ((waited = 0; waited < PATIENCE * 5; waited++)); do [[ -e go ]] && break; sleep 0.2; done
    [[ -e go ]] || fail "nobody has stopped the server within $PATIENCE s: nothing was changed"
    refuse_contents
    {
        # A psql older than 16 has no SHELL_ERROR.
        echo "BEGIN;" && emptied && script runs.dump && echo "\\set users \`bash '$0' users && echo 1 || echo 0\`" &&
            printf '%s\n' '\if :users' '\else' \
                'DO $$ BEGIN RAISE EXCEPTION $e$the users were not restored$e$; END $$;' '\endif' "COMMIT;"
    } | ask "${database[runs]}" > /dev/null
}

"$1"
