{{- /* What the database's templates share. Helpers named `lab.` are the parent chart's. */ -}}

{{- define "lab.pg.name" -}}
{{- .Values.global.postgresql.fullnameOverride | default (include "lab.fullname" .) -}}
{{- end -}}

{{- /* Names, users, keys, ports, as YAML: global values come before the chart's. */ -}}
{{- define "lab.pg.facts" -}}
{{- $global := .Values.global.postgresql -}}
{{- $auth := .Values.auth -}}
{{- $existing := $global.auth.existingSecret | default $auth.existingSecret -}}
{{- $user := $global.auth.username | default $auth.username -}}
{{- $super := or (empty $user) (eq $user "postgres") -}}
{{- $adminKey := "postgres-password" -}}
{{- $userKey := "password" -}}
{{- if $existing -}}
{{- $adminKey = $global.auth.secretKeys.adminPasswordKey | default $auth.secretKeys.adminPasswordKey -}}
{{- $userKey = $super | ternary $adminKey ($global.auth.secretKeys.userPasswordKey | default $auth.secretKeys.userPasswordKey) -}}
{{- end -}}
name: {{ include "lab.pg.name" . }}
secret: {{ include "lab.render" (dict "value" ($existing | default (include "lab.pg.name" .)) "context" .) | quote }}
existing: {{ not (empty $existing) }}
user: {{ $user | quote }}
super: {{ $super }}
database: {{ include "lab.render" (dict "value" ($global.auth.database | default $auth.database) "context" .) | quote }}
adminKey: {{ include "lab.render" (dict "value" $adminKey "context" .) | quote }}
userKey: {{ include "lab.render" (dict "value" $userKey "context" .) | quote }}
port: {{ $global.service.ports.postgresql | default .Values.primary.service.ports.postgresql }}
mountPasswords: {{ and $auth.usePasswordFiles (or $auth.enablePostgresUser (not (empty $user))) }}
account: {{ .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "lab.pg.name" .) "default") }}
{{- end -}}

{{- define "lab.pg.own" -}}
{"app.kubernetes.io/component": primary}
{{- end -}}

{{- define "lab.pg.selector" -}}
{{- include "lab.labels" (dict "context" . "custom" (list .Values.primary.podLabels .Values.commonLabels) "extra" (include "lab.pg.own" . | fromYaml) "select" true) -}}
{{- end -}}

{{- /* A password by file or from the Secret. In: a list of name, key, context. */ -}}
{{- define "lab.pg.password" -}}
{{- if (index . 2).Values.auth.usePasswordFiles -}}
- {name: {{ index . 0 }}_FILE, value: /opt/bitnami/postgresql/secrets/{{ index . 1 }}}
{{- else -}}
{{- include "lab.secretEnv" (list (index . 0) (include "lab.pg.facts" (index . 2) | fromYaml).secret (index . 1)) }}
{{- end -}}
{{- end -}}

{{- define "lab.pg.env" -}}
{{- $v := .Values -}}
{{- $pg := include "lab.pg.facts" . | fromYaml -}}
{{- $init := $v.primary.initdb -}}
- {name: BITNAMI_DEBUG, value: {{ or $v.image.debug $v.diagnosticMode.enabled | toString | quote }}}
- {name: POSTGRESQL_PORT_NUMBER, value: {{ $v.containerPorts.postgresql | quote }}}
- {name: POSTGRESQL_VOLUME_DIR, value: {{ $v.primary.persistence.mountPath | quote }}}
{{- if $v.primary.persistence.mountPath }}
- {name: PGDATA, value: {{ $v.postgresqlDataDir | quote }}}
{{- end }}
{{- if not $pg.super }}
- {name: POSTGRES_USER, value: {{ $pg.user | quote }}}
{{ include "lab.pg.password" (list "POSTGRES_PASSWORD" $pg.userKey .) }}
{{- if $v.auth.enablePostgresUser }}
{{ include "lab.pg.password" (list "POSTGRES_POSTGRES_PASSWORD" $pg.adminKey .) }}
{{- end }}
{{- else if $v.auth.enablePostgresUser }}
{{ include "lab.pg.password" (list "POSTGRES_PASSWORD" $pg.adminKey .) }}
{{- else }}
- {name: ALLOW_EMPTY_PASSWORD, value: "true"}
{{- end }}
{{- $given := list (list "POSTGRES_DATABASE" $pg.database) (list "POSTGRES_INITDB_ARGS" $init.args) (list "POSTGRES_INITDB_WALDIR" $init.postgresqlWalDir) }}
{{- $given = concat $given (list (list "POSTGRES_INITSCRIPTS_USERNAME" $init.user) (list "POSTGRES_INITSCRIPTS_PASSWORD" $init.password)) }}
{{- range $given }}
{{- if index . 1 }}
- {name: {{ index . 0 }}, value: {{ index . 1 | quote }}}
{{- end }}
{{- end }}
- {name: POSTGRESQL_ENABLE_LDAP, value: "no"}
- {name: POSTGRESQL_ENABLE_TLS, value: "no"}
- {name: POSTGRESQL_LOG_HOSTNAME, value: {{ $v.audit.logHostname | quote }}}
- {name: POSTGRESQL_LOG_CONNECTIONS, value: {{ $v.audit.logConnections | quote }}}
- {name: POSTGRESQL_LOG_DISCONNECTIONS, value: {{ $v.audit.logDisconnections | quote }}}
{{- range list (list "LOG_LINE_PREFIX" $v.audit.logLinePrefix) (list "LOG_TIMEZONE" $v.audit.logTimezone) (list "PGAUDIT_LOG" $v.audit.pgAuditLog) }}
{{- if index . 1 }}
- {name: POSTGRESQL_{{ index . 0 }}, value: {{ index . 1 | quote }}}
{{- end }}
{{- end }}
- {name: POSTGRESQL_PGAUDIT_LOG_CATALOG, value: {{ $v.audit.pgAuditLogCatalog | quote }}}
- {name: POSTGRESQL_CLIENT_MIN_MESSAGES, value: {{ $v.audit.clientMinMessages | quote }}}
- {name: POSTGRESQL_SHARED_PRELOAD_LIBRARIES, value: {{ $v.postgresqlSharedPreloadLibraries | quote }}}
{{- include "lab.items" (dict "items" $v.primary.extraEnvVars "context" .) }}
{{- end -}}

{{- /* ConfigMaps and Secrets with files of the user's: each as name, kind, source, mount path. As YAML list. */ -}}
{{- define "lab.pg.files" -}}
{{- $p := .Values.primary -}}
{{- $name := include "lab.pg.name" . -}}
{{- if or $p.preInitDb.scriptsConfigMap $p.preInitDb.scripts }}
- {name: custom-preinit-scripts, map: {{ $p.preInitDb.scriptsConfigMap | default (print $name "-preinit-scripts") | quote }}, path: /docker-entrypoint-preinitdb.d/}
{{- end }}
{{- with $p.preInitDb.scriptsSecret }}
- {name: custom-preinit-scripts-secret, secret: {{ . | quote }}, path: /docker-entrypoint-preinitdb.d/secret}
{{- end }}
{{- if or $p.initdb.scriptsConfigMap $p.initdb.scripts }}
- {name: custom-init-scripts, map: {{ $p.initdb.scriptsConfigMap | default (print $name "-init-scripts") | quote }}, path: /docker-entrypoint-initdb.d/}
{{- end }}
{{- with $p.initdb.scriptsSecret }}
- {name: custom-init-scripts-secret, secret: {{ . | quote }}, path: /docker-entrypoint-initdb.d/secret}
{{- end }}
{{- if or $p.extendedConfiguration $p.existingExtendedConfigmap }}
- {name: postgresql-extended-config, map: {{ $p.existingExtendedConfigmap | default (print $name "-extended-configuration") | quote }}, path: {{ $p.persistence.mountPath }}/conf/conf.d/}
{{- end }}
{{- if or $p.configuration $p.pgHbaConfiguration $p.existingConfigmap }}
- {name: postgresql-config, map: {{ $p.existingConfigmap | default (print $name "-configuration") | quote }}, path: {{ $p.persistence.mountPath }}/conf}
{{- end }}
{{- end -}}
