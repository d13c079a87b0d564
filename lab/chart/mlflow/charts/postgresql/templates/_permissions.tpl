{{- /* Makes the database's volume its own where the storage class does not: runs as root, before the rest. */ -}}
{{- define "lab.pg.permissions" -}}
{{- $v := .Values -}}
{{- $p := $v.primary -}}
{{- $disk := $p.persistence -}}
{{- $auto := eq (toString $v.volumePermissions.containerSecurityContext.runAsUser) "auto" -}}
{{- $owner := $auto | ternary "$(id -u):$(id -G | cut -d ' ' -f 2)" (printf "%v:%v" $p.containerSecurityContext.runAsUser $p.podSecurityContext.fsGroup) -}}
{{- $configured := or $p.configuration $p.pgHbaConfiguration $p.existingConfigmap -}}
- {{- include "lab.container" (dict "context" . "name" "init-chmod-data" "image" $v.volumePermissions.image "security" dict "sized" $v.volumePermissions) | nindent 2 }}
  securityContext: {{- omit $v.volumePermissions.containerSecurityContext ($auto | ternary "runAsUser" "") | toYaml | nindent 4 }}
  command:
    - /bin/sh
    - -ec
    - |
      {{- if $disk.enabled }}
      owner="{{ $owner }}"
      cd {{ $disk.mountPath }}
      chown "$owner" .
      for folder in data{{ if $configured }} conf{{ end }}; do
        mkdir -p "$folder"
        chmod 700 "$folder"
      done
      # What the storage keeps there for itself is not the database's{{ if not $configured }}, and a mounted conf is read-only{{ end }}.
      find . -mindepth 1 -maxdepth 1 ! -name .snapshot ! -name lost+found{{ if not $configured }} ! -name conf{{ end }} -exec chown -R "$owner" {} +
      {{- end }}
      {{- if $v.shmVolume.enabled }}
      chmod -R 777 /dev/shm
      {{- end }}
  volumeMounts:
    - {name: empty-dir, mountPath: /tmp, subPath: tmp-dir}
    - name: {{ $disk.volumeName }}
      mountPath: {{ $disk.mountPath }}
      {{- with $disk.subPath }}
      subPath: {{ . }}
      {{- end }}
    {{- if $v.shmVolume.enabled }}
    - {name: dshm, mountPath: /dev/shm}
    {{- end }}
{{- end -}}
