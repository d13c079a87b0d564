{{- /* Init containers of the tracking server and of runs, in the order in which they start. */ -}}

{{- /* Waits up to two minutes for a port. In: context, target, host, port. */ -}}
{{- define "lab.init.wait" -}}
{{- $wait := .context.Values.waitContainer -}}
- {{- include "lab.container" (dict "context" .context "name" (print "wait-for-" .target) "image" $wait.image "security" $wait.containerSecurityContext "sized" .context.Values.run) | nindent 2 }}
  command:
    - bash
    - -ec
    - |
      for try in {1..12}; do
        if wait-for-port --timeout=5 --host={{ .host }} --state=inuse {{ .port }}; then
          echo "{{ .host }}:{{ .port }} answers"
          exit 0
        fi
        sleep 5
      done
      echo "{{ .host }}:{{ .port }} does not answer" >&2
      exit 1
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- /* A container of the server's own image and size. In: context, name, image. */ -}}
{{- define "lab.init.server" -}}
{{- $t := .context.Values.tracking -}}
{{- include "lab.container" (dict "context" .context "name" .name "image" .image "security" $t.containerSecurityContext "sized" $t) }}
{{- end -}}

{{- define "lab.init.certificates" -}}
{{- $tls := include "lab.tracking.tls" . | fromYaml -}}
- {{- include "lab.init.server" (dict "context" . "name" "copy-certs" "image" .Values.image) | nindent 2 }}
  command:
    - bash
    - -ec
    - |
      cp --dereference /tmp/certs/* /bitnami/mlflow/certs
      chmod 600 {{ $tls.key }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: raw-certificates, mountPath: /tmp/certs}
    - {name: mlflow-certificates, mountPath: /bitnami/mlflow/certs}
{{- end -}}

{{- /* A schema upgrade. In: context, name, command, args. */ -}}
{{- define "lab.init.upgrade" -}}
{{- $db := include "lab.tracking.database" .context | fromYaml -}}
- {{- include "lab.init.server" (dict "context" .context "name" .name "image" .context.Values.image) | nindent 2 }}
  command: {{- toYaml .command | nindent 4 }}
  args: {{- toYaml .args | nindent 4 }}
  env: {{- include "lab.secretEnv" (list "MLFLOW_DATABASE_PASSWORD" $db.secret $db.key) | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
{{- end -}}

{{- /* The image's own basic_auth.ini, with the overrides filled in from the environment and written over it. */ -}}
{{- define "lab.init.authentication" -}}
{{- $db := include "lab.tracking.database" . | fromYaml -}}
{{- $auth := include "lab.tracking.auth" . | fromYaml -}}
{{- $t := .Values.tracking -}}
- {{- include "lab.init.server" (dict "context" . "name" "get-default-auth-conf" "image" .Values.image) | nindent 2 }}
  command:
    - bash
    - -ec
    - cp /bitnami/mlflow-basic-auth/basic_auth.ini /bitnami/rendered-basic-auth/
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: rendered-basic-auth, mountPath: /bitnami/rendered-basic-auth}
- {{- include "lab.init.server" (dict "context" . "name" "render-auth-conf" "image" .Values.waitContainer.image) | nindent 2 }}
  command:
    - bash
    - -ec
    - |
      filled="$(render-template /bitnami/basic-auth-overrides/*.ini)"
      while IFS='=' read -r key value; do
        if [[ -n "${key// /}" ]]; then
          ini-file set -s mlflow -k "${key// /}" -v "${value// /}" /bitnami/rendered-basic-auth/basic_auth.ini
        fi
      done <<< "$filled"
  env:
    {{- include "lab.secretEnv" (list "MLFLOW_DATABASE_PASSWORD" $db.secret $db.key) | nindent 4 }}
    - {name: MLFLOW_DATABASE_AUTH_URI, value: {{ $db.authUri | quote }}}
    {{- include "lab.secretEnv" (list "MLFLOW_TRACKING_USERNAME" $auth.secret $auth.user) | nindent 4 }}
    {{- include "lab.secretEnv" (list "MLFLOW_TRACKING_PASSWORD" $auth.secret $auth.password) | nindent 4 }}
    {{- include "lab.items" (dict "items" $t.extraEnvVars "context" .) | nindent 4 }}
  {{- include "lab.envFrom" (dict "section" $t "context" .) | nindent 2 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: basic-auth-overrides, mountPath: /bitnami/basic-auth-overrides}
    - {name: rendered-basic-auth, mountPath: /bitnami/rendered-basic-auth}
{{- end -}}

{{- /* All of them. The wait for S3 belongs to the database's group: without a database there is none. */ -}}
{{- define "lab.init.tracking" -}}
{{- $db := include "lab.tracking.database" . | fromYaml -}}
{{- $s3 := include "lab.tracking.s3" . | fromYaml -}}
{{- $t := .Values.tracking -}}
{{- if $t.enableDefaultInitContainers }}
{{- if $t.tls.enabled }}{{ include "lab.init.certificates" . | nindent 0 }}{{ end }}
{{- if $db.host }}
{{- include "lab.init.wait" (dict "context" . "target" "database" "host" $db.host "port" $db.port) | nindent 0 }}
{{- if $t.runUpgradeDB }}
{{- include "lab.init.upgrade" (dict "context" . "name" "upgrade-db" "command" (list "mlflow") "args" (list "db" "upgrade" $db.uri)) | nindent 0 }}
{{- end }}
{{- if $t.auth.enabled }}
{{- include "lab.init.authentication" . | nindent 0 }}
{{- $args := list "-m" "mlflow.server.auth" "db" "upgrade" "--url" $db.authUri }}
{{- include "lab.init.upgrade" (dict "context" . "name" "upgrade-db-auth" "command" (list "python") "args" $args) | nindent 0 }}
{{- end }}
{{- if $s3.host }}
{{- include "lab.init.wait" (dict "context" . "target" "s3" "host" $s3.host "port" $s3.port) | nindent 0 }}
{{- end }}
{{- end }}
{{- end }}
{{- include "lab.items" (dict "items" $t.initContainers "context" .) }}
{{- end -}}
