{{- /* The server's own container: arguments, environment, volumes. */ -}}

{{- define "lab.server.args" -}}
{{- $t := .Values.tracking -}}
{{- $db := include "lab.tracking.database" . | fromYaml -}}
{{- $artifacts := include "lab.tracking.artifacts" . | fromYaml -}}
- server
- --gunicorn-opts='--timeout=120'
{{- if $t.tls.enabled }}
{{- $tls := include "lab.tracking.tls" . | fromYaml }}
- --gunicorn-opts
- --certfile {{ $tls.certificate }} --keyfile {{ $tls.key }}{{ with $tls.authority }} --ca-certs {{ . }}{{ end }}
{{- end }}
- --backend-store-uri={{ $db.host | empty | ternary (print $t.persistence.mountPath "/mlruns") $db.uri }}
- --artifacts-destination={{ $artifacts.root }}
{{- if $artifacts.proxied }}
- --serve-artifacts
{{- else }}
- --default-artifact-root={{ $artifacts.root }}
- --no-serve-artifacts
{{- end }}
- --host={{ $t.host }}
- --port={{ $t.containerPorts.http }}
{{- if $t.metrics.enabled }}
- --expose-prometheus={{ $t.persistence.mountPath }}/metrics
{{- end }}
{{- if $t.auth.enabled }}
- --app-name=basic-auth
{{- end }}
{{- include "lab.items" (dict "items" $t.extraArgs "context" .) }}
{{- end -}}

{{- define "lab.server.env" -}}
{{- $v := .Values -}}
{{- $db := include "lab.tracking.database" . | fromYaml -}}
{{- $s3 := include "lab.tracking.s3" . | fromYaml -}}
{{- $auth := include "lab.tracking.auth" . | fromYaml -}}
{{- $kind := (include "lab.tracking.artifacts" . | fromYaml).kind -}}
- {name: BITNAMI_DEBUG, value: {{ or $v.image.debug $v.diagnosticMode.enabled | toString | quote }}}
{{- if $v.tracking.auth.enabled }}
{{ include "lab.secretEnv" (list "MLFLOW_FLASK_SERVER_SECRET_KEY" $auth.secret $auth.flask) }}
{{- end }}
{{- if $db.host }}
{{ include "lab.secretEnv" (list "MLFLOW_DATABASE_PASSWORD" $db.secret $db.key) }}
{{- end }}
{{- if $s3.host }}
{{- if $v.externalS3.useCredentialsInSecret }}
{{ include "lab.secretEnv" (list "AWS_ACCESS_KEY_ID" $s3.secret $s3.idKey) }}
{{ include "lab.secretEnv" (list "AWS_SECRET_ACCESS_KEY" $s3.secret $s3.secretKey) }}
{{- end }}
- {name: MLFLOW_S3_ENDPOINT_URL, value: {{ printf "%s://%s:%v" $s3.protocol $s3.host $s3.port | quote }}}
{{- end }}
{{- if and (eq $kind "gcs") $v.externalGCS.useCredentialsInSecret }}
- {name: GOOGLE_APPLICATION_CREDENTIALS, value: /bitnami/gcs/key.json}
{{- end }}
{{- if eq $kind "azure" }}
{{- include "lab.server.azure" $v.externalAzureBlob }}
{{- end }}
{{- with $v.externalGCS.googleCloudProject }}
- {name: GOOGLE_CLOUD_PROJECT, value: {{ . | quote }}}
{{- end }}
{{- include "lab.items" (dict "items" $v.tracking.extraEnvVars "context" .) }}
{{- end -}}

{{- /* Azure's credentials, from the Secret's named keys or plain. In: the section. */ -}}
{{- define "lab.server.azure" -}}
{{- $azure := . -}}
{{- if .useCredentialsInSecret -}}
{{- range list (list "STORAGE_CONNECTION_STRING" .existingConnectionStringKey) (list "STORAGE_ACCESS_KEY" .existingAccessKeyKey) (list "CLIENT_SECRET" .clientSecretKey) }}
{{- if index . 1 }}
{{ include "lab.secretEnv" (list (print "AZURE_" (index . 0)) $azure.existingSecret (index . 1)) }}
{{- end }}
{{- end }}
{{- else -}}
{{- $plain := dict "AZURE_STORAGE_CONNECTION_STRING" .connectionString "AZURE_STORAGE_ACCESS_KEY" .accessKey -}}
{{- $plain = merge $plain (dict "AZURE_CLIENT_ID" .clientId "AZURE_TENANT_ID" .tenantId "AZURE_CLIENT_SECRET" .clientSecret) -}}
{{- range $name, $value := $plain }}
{{- if $value }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "lab.server.mounts" -}}
{{- $t := .Values.tracking -}}
{{- $kind := (include "lab.tracking.artifacts" . | fromYaml).kind -}}
- {name: tmp, mountPath: /tmp}
- {name: mlruns, mountPath: /app/mlruns}
- {name: mlartifacts, mountPath: /app/mlartifacts}
{{- if $t.tls.enabled }}
- {name: mlflow-certificates, mountPath: /bitnami/mlflow/certs, readOnly: true}
{{- end }}
{{- if $t.auth.enabled }}
- {name: rendered-basic-auth, mountPath: /bitnami/mlflow-basic-auth/basic_auth.ini, subPath: basic_auth.ini}
{{- end }}
- name: data
  mountPath: {{ $t.persistence.mountPath }}
  {{- with $t.persistence.subPath }}
  subPath: {{ . }}
  {{- end }}
{{- if and (eq $kind "gcs") .Values.externalGCS.useCredentialsInSecret }}
- {name: gcs-key, mountPath: /bitnami/gcs/key.json, subPath: key.json}
{{- end }}
{{- include "lab.items" (dict "items" $t.extraVolumeMounts "context" .) }}
{{- end -}}

{{- define "lab.server.volumes" -}}
{{- $t := .Values.tracking -}}
{{- $kind := (include "lab.tracking.artifacts" . | fromYaml).kind -}}
- {name: tmp, emptyDir: {}}
- {name: mlruns, emptyDir: {}}
- {name: mlartifacts, emptyDir: {}}
{{- if $t.tls.enabled }}
- {name: raw-certificates, secret: {secretName: {{ (include "lab.tracking.tls" . | fromYaml).secret }}}}
- {name: mlflow-certificates, emptyDir: {}}
{{- end }}
{{- if $t.auth.enabled }}
- {name: basic-auth-overrides, configMap: {name: {{ (include "lab.tracking.auth" . | fromYaml).overrides }}}}
- {name: rendered-basic-auth, emptyDir: {}}
{{- end }}
{{- if $t.persistence.enabled }}
- {name: data, persistentVolumeClaim: {claimName: {{ $t.persistence.existingClaim | default (include "lab.tracking.name" .) }}}}
{{- else }}
- {name: data, emptyDir: {}}
{{- end }}
{{- include "lab.items" (dict "items" $t.extraVolumes "context" .) }}
{{- if and (eq $kind "gcs") .Values.externalGCS.useCredentialsInSecret }}
- name: gcs-key
  secret:
    secretName: {{ .Values.externalGCS.existingSecret }}
    items: [{key: {{ .Values.externalGCS.existingSecretKey | quote }}, path: key.json}]
{{- end }}
{{- end -}}
