# Gives the database's roles the passwords of the mounted Secret, where the volume is older than the Secret.
#
# Bitnami's image sources this before each start of the server (postgresql.primary.preInitDb, chart 5.1.17), with
# the list of further scripts on standard input. Single-user mode asks for no password, and recovers after a crash
# as any start does. A mark in the data folder, a salted digest, tells what was set last: where the Secret is the
# same, nothing is done. Whatever fails is said in the log and never keeps the database from starting.

set_passwords() {
    local secrets=/opt/bitnami/postgresql/secrets data=${PGDATA:-} mark=${PGDATA:-}/mlflow-passwords
    local role key password statements="" salt="" digest="" told failed
    [[ -f $data/PG_VERSION ]] || return 0 # a first start takes the Secret's passwords by itself
    for role in postgres "${POSTGRES_USER:-postgres}"; do
        [[ $role == postgres ]] && key=postgres-password || key=password
        [[ -r $secrets/$key ]] || continue
        password=$(<"$secrets/$key")
        statements+="ALTER ROLE \"$role\" PASSWORD '${password//\'/\'\'}';"$'\n'
    done
    [[ -n $statements ]] || return 0
    [[ -r $mark ]] && read -r salt digest <"$mark"
    [[ -n $salt && $digest == "$(digest_of "$salt$statements")" ]] && return 0
    chmod 700 "$data" # a volume's fsGroup lets the group in, and PostgreSQL does not start on such a folder
    # The image keeps its configuration elsewhere. A statement that fails is not logged: it holds a password.
    told=$(printf '%s' "$statements" | LC_ALL=C postgres --single -D "$data" -c config_file=/dev/null \
        -c dynamic_shared_memory_type=mmap -c log_statement=none -c log_min_error_statement=panic \
        postgres 2>&1) || told+=" FATAL: exit code $?"
    failed=$(grep -oE '(ERROR|FATAL|PANIC): .*' <<<"$told" | head -n 1)
    if [[ -n $failed ]]; then
        echo "mlflow: the database keeps its passwords, the Secret may hold others: $failed" >&2
        return 0
    fi
    read -r salt </proc/sys/kernel/random/uuid
    (umask 077 && echo "$salt $(digest_of "$salt$statements")" >"$mark.new") && mv "$mark.new" "$mark"
    echo "mlflow: the database has the passwords of the Secret" >&2
}

digest_of() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

set_passwords </dev/null || echo "mlflow: the database's passwords were not compared with the Secret's" >&2
