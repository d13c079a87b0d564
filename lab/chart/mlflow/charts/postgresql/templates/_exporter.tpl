{{- /* The metrics container beside the database. */ -}}
{{- define "lab.pg.exporter" -}}
{{- $m := .Values.metrics -}}
{{- $pg := include "lab.pg.facts" . | fromYaml -}}
{{- $key := empty $pg.user | ternary $pg.adminKey $pg.userKey -}}
{{- $web := dict "httpGet" (dict "path" "/" "port" "http-metrics") -}}
- {{- include "lab.container" (dict "context" . "name" "metrics" "image" $m.image "security" $m.containerSecurityContext "sized" $m) | nindent 2 }}
  {{- if .Values.diagnosticMode.enabled }}
  command: {{- toYaml .Values.diagnosticMode.command | nindent 4 }}
  args: {{- toYaml .Values.diagnosticMode.args | nindent 4 }}
  {{- else if or $m.customMetrics $m.collectors }}
  args:
    {{- if $m.customMetrics }}
    - --extend.query-path
    - /conf/custom-metrics.yaml
    {{- end }}
    {{- range $name, $on := $m.collectors }}
    - --{{ if not $on }}no-{{ end }}collector.{{ $name }}
    {{- end }}
  {{- end }}
  env:
    - {name: DATA_SOURCE_URI, value: "127.0.0.1:{{ $pg.port }}/postgres?sslmode=disable"}
    {{- include "lab.pg.password" (list "DATA_SOURCE_PASS" $key .) | nindent 4 }}
    - {name: DATA_SOURCE_USER, value: {{ $pg.user | default "postgres" | quote }}}
    {{- include "lab.items" (dict "items" $m.extraEnvVars "context" .) | nindent 4 }}
  ports:
    - {name: http-metrics, containerPort: {{ $m.containerPorts.metrics }}}
  {{- if not .Values.diagnosticMode.enabled }}
  {{- include "lab.probe" (dict "key" "startupProbe" "own" $m.customStartupProbe "numbers" $m.startupProbe "check" (dict "tcpSocket" (dict "port" "http-metrics")) "context" .) | nindent 2 }}
  {{- include "lab.probe" (dict "key" "livenessProbe" "own" $m.customLivenessProbe "numbers" $m.livenessProbe "check" $web "context" .) | nindent 2 }}
  {{- include "lab.probe" (dict "key" "readinessProbe" "own" $m.customReadinessProbe "numbers" $m.readinessProbe "check" $web "context" .) | nindent 2 }}
  {{- end }}
  volumeMounts:
    - {name: empty-dir, mountPath: /tmp, subPath: tmp-dir}
    {{- if $pg.mountPasswords }}
    - {name: postgresql-password, mountPath: /opt/bitnami/postgresql/secrets/}
    {{- end }}
    {{- if $m.customMetrics }}
    - {name: custom-metrics, mountPath: /conf, readOnly: true}
    {{- end }}
{{- end -}}
