{{- /* Shared by the chart and its sub-charts: names, labels, metadata, images, containers. */ -}}

{{- /* A value of the user's, as YAML text, with the templates inside it evaluated. In: value, context. */ -}}
{{- define "lab.render" -}}
{{- $text := .value -}}
{{- if not (kindIs "string" .value) }}{{ $text = toYaml .value }}{{ end -}}
{{- if contains "{{" $text }}{{ tpl $text .context }}{{ else }}{{ $text }}{{ end -}}
{{- end -}}

{{- /* One map of several, the first to name a key wins. In: maps, context. */ -}}
{{- define "lab.union" -}}
{{- $all := dict -}}
{{- $context := .context -}}
{{- range .maps -}}
{{- $all = merge $all (include "lab.render" (dict "value" (. | default dict) "context" $context) | fromYaml) -}}
{{- end -}}
{{- toYaml $all -}}
{{- end -}}

{{- define "lab.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "lab.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* A release whose name holds the chart's name gives its name as it is. */ -}}
{{- define "lab.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $release := regexReplaceAll "(-?[^a-z\\d\\-])+-?" (lower .Release.Name) "-" -}}
{{- $made := contains $name $release | ternary $release (printf "%s-%s" $release $name) -}}
{{- .Values.fullnameOverride | default $made | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* The full name that a sub-chart gives itself. In: name, values, context (the parent's). */ -}}
{{- define "lab.dependency" -}}
{{- $name := .values.nameOverride | default .name -}}
{{- $release := .context.Release.Name -}}
{{- $made := contains $name $release | ternary $release (printf "%s-%s" $release $name) -}}
{{- .values.fullnameOverride | default $made | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* Labels. In: context, custom (maps, the first wins), extra (map, wins over all), select (selectors take fewer). */ -}}
{{- define "lab.labels" -}}
{{- $c := .context -}}
{{- $own := dict "app.kubernetes.io/name" (include "lab.name" $c) "app.kubernetes.io/instance" $c.Release.Name -}}
{{- $custom := include "lab.union" (dict "maps" .custom "context" $c) | fromYaml -}}
{{- if .select -}}
{{- $custom = pick $custom "app.kubernetes.io/name" "app.kubernetes.io/instance" -}}
{{- else -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" $c.Chart.Name $c.Chart.Version) -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $c.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/version" $c.Chart.AppVersion -}}
{{- end -}}
{{- mergeOverwrite (merge $custom $own) (.extra | default dict) | toYaml -}}
{{- end -}}

{{- /* `metadata`. In: context, name, namespace?, custom? (label maps), extra? (labels), annotations? (maps). */ -}}
{{- define "lab.meta" -}}
{{- $values := .context.Values -}}
metadata:
  name: {{ .name }}
  namespace: {{ .namespace | default (include "lab.namespace" .context) | quote }}
  labels:
    {{- include "lab.labels" (dict "context" .context "custom" (append (.custom | default list) $values.commonLabels) "extra" .extra) | nindent 4 }}
{{- $notes := include "lab.union" (dict "maps" (append (.annotations | default list) $values.commonAnnotations) "context" .context) }}
{{- if ne $notes "{}" }}
  annotations: {{- $notes | nindent 4 }}
{{- end }}
{{- end -}}

{{- /* registry/repository:tag, or @digest. In: image, context. */ -}}
{{- define "lab.image" -}}
{{- $registry := .context.Values.global.imageRegistry | default .image.registry -}}
{{- $end := .image.digest | empty | ternary (printf ":%v" .image.tag) (printf "@%v" .image.digest) -}}
{{- list $registry (print .image.repository $end) | compact | join "/" -}}
{{- end -}}

{{- /* Pull secrets: the global ones, then each image's. In: images, context. */ -}}
{{- define "lab.pullSecrets" -}}
{{- $context := .context -}}
{{- $given := $context.Values.global.imagePullSecrets | default list -}}
{{- range .images }}{{ $given = concat $given (.pullSecrets | default list) }}{{ end -}}
{{- $names := list -}}
{{- range $given -}}
{{- $name := . -}}
{{- if kindIs "map" . }}{{ $name = .name }}{{ end -}}
{{- $names = append $names (dict "name" (include "lab.render" (dict "value" $name "context" $context))) -}}
{{- end -}}
{{- with $names | uniq }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* `securityContext`, if enabled. In: security, context. OpenShift chooses users and groups itself. */ -}}
{{- define "lab.security" -}}
{{- if .security.enabled }}
{{- $global := .context.Values.global.compatibility | default dict -}}
{{- $adapt := dig "openshift" "adaptSecurityContext" "" $global -}}
{{- $skip := list "enabled" -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.context.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
{{- $skip = concat $skip (list "fsGroup" "runAsUser" "runAsGroup") -}}
{{- if not .security.seLinuxOptions }}{{ $skip = append $skip "seLinuxOptions" }}{{ end -}}
{{- end -}}
{{- if and (dig "omitEmptySeLinuxOptions" false $global) (not .security.seLinuxOptions) }}{{ $skip = append $skip "seLinuxOptions" }}{{ end -}}
{{- if .security.privileged }}{{ $skip = append $skip "capabilities" }}{{ end -}}
{{- $kept := dict -}}
{{- range $key, $value := .security }}{{ if not (has $key $skip) }}{{ $_ := set $kept $key $value }}{{ end }}{{ end }}
securityContext: {{- toYaml $kept | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* `resources`: the map, or else the preset. In: a section of the values. */ -}}
{{- define "lab.resources" -}}
{{- if .resources }}
resources: {{- toYaml .resources | nindent 2 }}
{{- else if ne .resourcesPreset "none" }}
{{- /* CPU and memory asked for, CPU and memory allowed. */ -}}
{{- $sizes := dict "nano" "100m 128Mi 150m 192Mi" "micro" "250m 256Mi 375m 384Mi" "small" "500m 512Mi 750m 768Mi" -}}
{{- $sizes = merge $sizes (dict "medium" "500m 1024Mi 750m 1536Mi" "large" "1.0 2048Mi 1.5 3072Mi") -}}
{{- $sizes = merge $sizes (dict "xlarge" "1.0 3072Mi 3.0 6144Mi" "2xlarge" "1.0 3072Mi 6.0 12288Mi") -}}
{{- $accepted := keys $sizes | sortAlpha | join ", " -}}
{{- $size := get $sizes .resourcesPreset | default (printf "resourcesPreset %q: accepted are %s, none" .resourcesPreset $accepted) -}}
{{- if not (hasKey $sizes .resourcesPreset) }}{{ fail $size }}{{ end -}}
{{- $n := splitList " " $size }}
resources:
  requests: {cpu: {{ index $n 0 | quote }}, memory: {{ index $n 1 }}, ephemeral-storage: 50Mi}
  limits: {cpu: {{ index $n 2 | quote }}, memory: {{ index $n 3 }}, ephemeral-storage: 2Gi}
{{- end }}
{{- end -}}

{{- /* The part that all containers share. In: context, name, image, security?, sized (section with resources). */ -}}
{{- define "lab.container" -}}
name: {{ .name }}
image: {{ include "lab.image" (dict "image" .image "context" .context) }}
imagePullPolicy: {{ .image.pullPolicy }}
{{- include "lab.security" (dict "security" .security "context" .context) }}
{{- include "lab.resources" .sized }}
{{- end -}}

{{- /* An env entry from a Secret. In: a list of name, secret, key. */ -}}
{{- define "lab.secretEnv" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef: {name: {{ index . 1 | quote }}, key: {{ index . 2 | quote }}}
{{- end -}}

{{- /* `envFrom`, if anything is named. In: section, context. */ -}}
{{- define "lab.envFrom" -}}
{{- $context := .context -}}
{{- $from := list -}}
{{- with .section.extraEnvVarsCM }}{{ $from = append $from (dict "configMapRef" (dict "name" (include "lab.render" (dict "value" . "context" $context)))) }}{{ end -}}
{{- with .section.extraEnvVarsSecret }}{{ $from = append $from (dict "secretRef" (dict "name" (include "lab.render" (dict "value" . "context" $context)))) }}{{ end -}}
{{- with $from }}
envFrom: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* `key: value` of the user's, if given. In: key, value, context. */ -}}
{{- define "lab.optional" -}}
{{- if .value }}
{{ .key }}: {{- include "lab.render" (dict "value" (dict "v" .value) "context" .context) | fromYaml | dig "v" "" | toYaml | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Items of the user's for the end of a list. In: items, context. */ -}}
{{- define "lab.items" -}}
{{- if .items }}
{{ include "lab.render" (dict "value" .items "context" .context) | fromYamlArray | toYaml }}
{{- end }}
{{- end -}}

{{- /* Storage class of a claim; "-" asks for none. In: persistence, context. */ -}}
{{- define "lab.storageClass" -}}
{{- $global := .context.Values.global -}}
{{- with coalesce $global.storageClass .persistence.storageClass $global.defaultStorageClass }}
storageClassName: {{ eq . "-" | ternary "" . | quote }}
{{- end }}
{{- end -}}

{{- /* Where a pod may run. In: section, context, component, podLabels. */ -}}
{{- define "lab.scheduling" -}}
{{- $section := .section -}}
{{- $c := .context -}}
{{- $labels := include "lab.labels" (dict "context" $c "custom" (list .podLabels) "select" true "extra" (dict "app.kubernetes.io/component" .component)) | fromYaml -}}
{{- $term := dict "labelSelector" (dict "matchLabels" $labels) "topologyKey" "kubernetes.io/hostname" -}}
{{- $preset := $section.nodeAffinityPreset -}}
{{- $match := dict "matchExpressions" (list (dict "key" $preset.key "operator" "In" "values" $preset.values)) -}}
{{- if $section.affinity }}
{{- include "lab.optional" (dict "key" "affinity" "value" $section.affinity "context" $c) }}
{{- else }}
affinity:
  podAffinity: {{- include "lab.podTerm" (list $section.podAffinityPreset $term) | nindent 4 }}
  podAntiAffinity: {{- include "lab.podTerm" (list $section.podAntiAffinityPreset $term) | nindent 4 }}
  nodeAffinity:
  {{- if eq $preset.type "soft" }}
    preferredDuringSchedulingIgnoredDuringExecution: {{- list (dict "preference" $match "weight" 1) | toYaml | nindent 6 }}
  {{- else if eq $preset.type "hard" }}
    requiredDuringSchedulingIgnoredDuringExecution: {{- dict "nodeSelectorTerms" (list $match) | toYaml | nindent 6 }}
  {{- end }}
{{- end }}
{{- range $key := list "hostAliases" "nodeSelector" "tolerations" "priorityClassName" "schedulerName" "topologySpreadConstraints" }}
{{- include "lab.optional" (dict "key" $key "value" (get $section $key) "context" $c) }}
{{- end }}
{{- /* The schema wants it a text, the cluster a number: no quotes. */ -}}
{{- with $section.terminationGracePeriodSeconds }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- include "lab.security" (dict "security" $section.podSecurityContext "context" $c) }}
{{- end -}}

{{- /* A soft or hard rule about other pods, or nothing. In: a list of type, term. */ -}}
{{- define "lab.podTerm" -}}
{{- if eq (index . 0) "soft" -}}
preferredDuringSchedulingIgnoredDuringExecution: {{- list (dict "podAffinityTerm" (index . 1) "weight" 1) | toYaml | nindent 2 }}
{{- else if eq (index . 0) "hard" -}}
requiredDuringSchedulingIgnoredDuringExecution: {{- list (index . 1) | toYaml | nindent 2 }}
{{- end -}}
{{- end -}}

{{- /* A probe: the user's own, or the numbers of the values with the chart's check.
       In: key, own, numbers, check (map), context. */ -}}
{{- define "lab.probe" -}}
{{- if .own }}
{{- include "lab.optional" (dict "key" .key "value" .own "context" .context) }}
{{- else if .numbers.enabled }}
{{ .key }}: {{- merge (omit .numbers "enabled") .check | toYaml | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* A generated value of a Secret, base64: what the Secret holds now, else what the values give, else a new one.
       `first` gives the values the first word. A new one on upgrade is refused unless `mayBeNew`.
       In: context, secret, key, given, length?, first?, mayBeNew? */ -}}
{{- define "lab.kept" -}}
{{- $data := (lookup "v1" "Secret" (include "lab.namespace" .context) .secret).data | default dict -}}
{{- $kept := get $data .key | b64dec -}}
{{- if and $data (not (hasKey $data .key)) (not .mayBeNew) -}}
{{- fail (printf "\nPASSWORDS ERROR: Secret %q has no key %q: add it, or delete the Secret for a new one\n" .secret .key) -}}
{{- end -}}
{{- $given := "" -}}
{{- with .given }}{{ $given = toString . }}{{ end -}}
{{- $given = include "lab.render" (dict "value" $given "context" .context) -}}
{{- $value := coalesce $kept $given -}}
{{- if .first }}{{ $value = coalesce $given $kept }}{{ end -}}
{{- if and (not $value) .context.Release.IsUpgrade (not .mayBeNew) -}}
{{- fail (printf "\nPASSWORDS ERROR: an upgrade must know the current value of key %q of Secret %q: the Secret is gone and the values give none\n" .key .secret) -}}
{{- end -}}
{{- $value | default (randAlphaNum (int (.length | default 10))) | b64enc | quote -}}
{{- end -}}

{{- /* Refuses images that are not the chart's own. In: context, images. */ -}}
{{- define "lab.checkImages" -}}
{{- $c := .context -}}
{{- $known := $c.Chart.Annotations.images -}}
{{- $foreign := list -}}
{{- $refused := false -}}
{{- range .images -}}
{{- $registry := $c.Values.global.imageRegistry | default .registry -}}
{{- $path := printf "%s/%s" $registry .repository -}}
{{- if not (contains $path $known) -}}
{{- $moved := not (contains $registry $known) -}}
{{- if or $moved (not (contains .repository $known)) }}{{ $foreign = append $foreign (printf "%s:%s" $path .tag) }}{{ end -}}
{{- if or $moved (and (not (contains .repository $known)) (not (contains "docker.io/bitnamilegacy/" $path))) }}{{ $refused = true }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if and $refused (not (dig "security" "allowInsecureImages" false $c.Values.global)) -}}
{{- fail (printf "\n\nERROR: Original containers have been substituted for unrecognized ones.\n\nUnrecognized images:\n  - %s\n\nTo use them all the same, set global.security.allowInsecureImages to true." (join "\n  - " $foreign)) -}}
{{- else if $foreign }}

WARNING: images other than the chart's own: {{ join ", " $foreign }}
{{- end -}}
{{- end -}}

{{- /* Peers that may come in when not all may. In: policy, own (list of peers). */ -}}
{{- define "lab.namespacePeer" -}}
{{- if .ingressNSMatchLabels }}
- namespaceSelector:
    matchLabels: {{- toYaml .ingressNSMatchLabels | nindent 6 }}
  {{- with .ingressNSPodMatchLabels }}
  podSelector:
    matchLabels: {{- toYaml . | nindent 6 }}
  {{- end }}
{{- end }}
{{- end -}}
