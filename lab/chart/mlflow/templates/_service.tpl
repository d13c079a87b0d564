{{- /* What a Service says besides its ports. In: service (section), context. */ -}}
{{- define "lab.service" -}}
{{- $s := .service -}}
type: {{ $s.type }}
{{- if and $s.clusterIP (eq $s.type "ClusterIP") }}
clusterIP: {{ $s.clusterIP }}
{{- end }}
{{- include "lab.optional" (dict "key" "sessionAffinity" "value" $s.sessionAffinity "context" .context) }}
{{- include "lab.optional" (dict "key" "sessionAffinityConfig" "value" $s.sessionAffinityConfig "context" .context) }}
{{- if has $s.type (list "NodePort" "LoadBalancer") }}
externalTrafficPolicy: {{ $s.externalTrafficPolicy | quote }}
{{- end }}
{{- if eq $s.type "LoadBalancer" }}
{{- range $key := list "loadBalancerSourceRanges" "loadBalancerClass" "loadBalancerIP" }}
{{- include "lab.optional" (dict "key" $key "value" (get $s $key) "context" $.context) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A fixed node port, or null, which frees the one of a former type. In: a list of type, port. */ -}}
{{- define "lab.nodePort" -}}
{{- if eq (index . 0) "ClusterIP" -}}
nodePort: null
{{- else if and (index . 1) (has (index . 0) (list "NodePort" "LoadBalancer")) -}}
nodePort: {{ index . 1 }}
{{- end -}}
{{- end -}}

{{- /* How many pods may be away. In: the section. */ -}}
{{- define "lab.budget" -}}
{{- with .minAvailable }}
minAvailable: {{ . }}
{{- end }}
{{- if or .maxUnavailable (not .minAvailable) }}
maxUnavailable: {{ .maxUnavailable | default 1 }}
{{- end }}
{{- end -}}
