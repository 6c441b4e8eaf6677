{{/*
Rules across several values. Each failure says what was got, why it cannot work and what to change; all failures are told at
once. Rendered by validate.yaml, so by every command.
*/}}
{{- define "wan-streamer.validate" -}}
{{- $errors := list -}}
{{- range $rule := list "heads" "layout" "pairing" "grace" "disruption" "scaling" "weights" "avatar" "gpu" "tls" "telemetry" "slo" -}}
{{- with include (printf "wan-streamer.validate.%s" $rule) $ | trim -}}
{{- $errors = append $errors . -}}
{{- end -}}
{{- end -}}
{{- if $errors -}}
{{- fail (printf "\n\n%s\n" (join "\n" $errors)) -}}
{{- end -}}
{{- end -}}

{{/* One failure. Keys: rule, what, why, fix. */}}
{{- define "wan-streamer.validate.error" }}
[{{ .rule }}] {{ .what }}
  why: {{ .why }}
  fix: {{ .fix }}
{{ end -}}

{{/* Heads and key-value heads of each preset, as wan_streamer/model/presets.py has them (tests/chart compares). */}}
{{- define "wan-streamer.heads" -}}
nano: [4, 2]
v0_1: [16, 8]
v0_1_1b7: [16, 8]
v0_2: [16, 8]
v0_2_1b7: [16, 8]
{{- end -}}

{{- define "wan-streamer.validate.heads" -}}
{{- $counts := index (include "wan-streamer.heads" . | fromYaml) .Values.model.preset -}}
{{- $heads := index $counts 0 | int -}}
{{- $keyValueHeads := index $counts 1 | int -}}
{{- $ranks := int .Values.performer.ranks -}}
{{- if or (mod $heads $ranks) (and (mod $keyValueHeads $ranks) (mod $ranks $keyValueHeads)) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "HEADS"
  "what" (printf "performer.ranks is %d, but preset %s has %d heads over %d key-value heads." $ranks .Values.model.preset $heads $keyValueHeads)
  "why" "each rank computes the same number of heads, and a head cannot be split."
  "fix" (printf "set performer.ranks to a divisor of %d (1, 2 and 4 fit every preset), or choose another model.preset." $heads)) -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.layout" -}}
{{- $performer := .Values.performer -}}
{{- if and (eq $performer.layout "podPerRank") (eq $performer.updateStrategy "RollingUpdate") -}}
{{- include "wan-streamer.validate.error" (dict "rule" "PER_RANK_ROLLING"
  "what" "performer.layout is podPerRank with performer.updateStrategy RollingUpdate."
  "why" "the first new rank never gets ready without the others, and they are not replaced before it is: the update stands for ever."
  "fix" "set performer.updateStrategy to OnDelete (or leave it empty) and delete all pods of a group together, see UPGRADING.md.") -}}
{{- end -}}
{{- if and (ne $performer.layout "podPerGroup") (eq (int $performer.ranks) 1) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "ONE_RANK"
  "what" (printf "performer.layout is %s with performer.ranks 1." $performer.layout)
  "why" "a group of one rank is one pod already; the layout only adds objects and a meeting point that nobody needs."
  "fix" "set performer.layout to podPerGroup, or performer.ranks above 1.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.pairing" -}}
{{- $groups := int .Values.performer.groups -}}
{{- $thinkers := int .Values.thinker.replicas -}}
{{- if and (gt $groups 1) (ne $groups $thinkers) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "PAIRING"
  "what" (printf "thinker.replicas is %d and performer.groups is %d." $thinkers $groups)
  "why" "thinker i calls performer group i: a thinker without its group is never ready, a group without its thinker is never used."
  "fix" "set both to the same number, or performer.groups to 1, which all thinkers then share.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.grace" -}}
{{- range $name := list "gateway" "thinker" "performer" -}}
{{- $own := index $.Values $name -}}
{{- $needed := include "wan-streamer.neededGrace" (dict "root" $ "name" $name) | int -}}
{{- if not (kindIs "invalid" $own.terminationGracePeriodSeconds) -}}
{{- if lt (int $own.terminationGracePeriodSeconds) $needed -}}
{{- include "wan-streamer.validate.error" (dict "rule" "GRACE"
  "what" (printf "%s.terminationGracePeriodSeconds is %d, but preStop + drain + margin are %d s." $name (int $own.terminationGracePeriodSeconds) $needed)
  "why" "the kubelet kills the pod in the middle of its drain, and its sessions end without a word."
  "fix" (printf "leave it null (then it is %d), or set it to %d or more, or shorten %s.drainSeconds." $needed $needed $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.disruption" -}}
{{- $count := dict "gateway" (ternary .Values.gateway.autoscaling.minReplicas .Values.gateway.replicas .Values.gateway.autoscaling.enabled) "thinker" .Values.thinker.replicas -}}
{{- $_ := set $count "performer" (mul .Values.performer.groups (ternary 1 .Values.performer.ranks (eq .Values.performer.layout "podPerGroup"))) -}}
{{- range $name := list "gateway" "thinker" "performer" -}}
{{- $pdb := (index $.Values $name).pdb -}}
{{- $hasMin := not (kindIs "invalid" $pdb.minAvailable) -}}
{{- $hasMax := not (kindIs "invalid" $pdb.maxUnavailable) -}}
{{- if and $pdb.enabled (eq $hasMin $hasMax) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "PDB_ONE_BOUND"
  "what" (printf "%s.pdb has %s of minAvailable and maxUnavailable." $name (ternary "both" "neither" $hasMin))
  "why" "a PodDisruptionBudget takes exactly one of them."
  "fix" (printf "set one and make the other null: %s.pdb.minAvailable: null." $name)) -}}
{{- end -}}
{{- $blocks := false -}}
{{- if and $hasMin (not (kindIs "string" $pdb.minAvailable)) -}}
{{- $blocks = ge (int $pdb.minAvailable) (int (index $count $name)) -}}
{{- else if $hasMin -}}
{{- $blocks = eq (toString $pdb.minAvailable) "100%" -}}
{{- else if $hasMax -}}
{{- $blocks = has (toString $pdb.maxUnavailable) (list "0" "0%") -}}
{{- end -}}
{{- if and $pdb.enabled $blocks -}}
{{- include "wan-streamer.validate.error" (dict "rule" "PDB_BLOCKS"
  "what" (printf "%s.pdb allows no pod of %v to be away." $name (index $count $name))
  "why" "no node that has such a pod can ever be drained, and a cluster upgrade stands still there."
  "fix" (printf "lower %s.pdb.minAvailable or raise maxUnavailable to 1; drainSeconds is what protects sessions." $name)) -}}
{{- end -}}
{{- end -}}
{{- range .Values.extraObjects -}}
{{- $object := kindIs "string" . | ternary (dict "kind" (regexFind "(?m)^kind: *PodDisruptionBudget" (toString .) | trimPrefix "kind:" | trim)) . -}}
{{- if eq (toString $object.kind) "PodDisruptionBudget" -}}
{{- include "wan-streamer.validate.error" (dict "rule" "TWO_PDBS"
  "what" "extraObjects has a PodDisruptionBudget, and the chart makes one for each component."
  "why" "the eviction API refuses a pod that two budgets select: its node can never be drained."
  "fix" "change <component>.pdb instead, or set <component>.pdb.enabled: false and add yours in a release of its own.") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.scaling" -}}
{{- $scaling := .Values.gateway.autoscaling -}}
{{- if and $scaling.enabled (gt (int $scaling.minReplicas) (int $scaling.maxReplicas)) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "HPA_RANGE"
  "what" (printf "gateway.autoscaling has minReplicas %d above maxReplicas %d." (int $scaling.minReplicas) (int $scaling.maxReplicas))
  "why" "the API server refuses such a HorizontalPodAutoscaler."
  "fix" "make minReplicas the smaller one.") -}}
{{- end -}}
{{- if and $scaling.enabled (not (dig "requests" "cpu" "" .Values.gateway.resources)) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "HPA_REQUEST"
  "what" "gateway.autoscaling is on, but gateway.resources.requests.cpu is not set."
  "why" "CPU utilisation is a share of the request: without one the autoscaler never scales."
  "fix" "set gateway.resources.requests.cpu.") -}}
{{- end -}}
{{- if and .Values.gateway.ingress.enabled (not .Values.gateway.ingress.host) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "INGRESS_HOST"
  "what" "gateway.ingress is on, but gateway.ingress.host is empty."
  "why" "the Ingress would take the calls of all hosts of its controller."
  "fix" "set gateway.ingress.host.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.weights" -}}
{{- $weights := .Values.model.weights -}}
{{- if and (eq $weights.source "volume") (not $weights.volume) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "WEIGHTS_VOLUME"
  "what" "model.weights.source is volume, but model.weights.volume is empty."
  "why" "the pods would have a volume without a source."
  "fix" "name one, for example model.weights.volume: {persistentVolumeClaim: {claimName: weights}}.") -}}
{{- end -}}
{{- if and (eq $weights.source "initContainer") (not $weights.initContainer.image) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "WEIGHTS_IMAGE"
  "what" "model.weights.source is initContainer, but model.weights.initContainer.image is empty."
  "why" "nothing would bring the weights, and the services would run untrained without a word."
  "fix" "name the image (and command) that copies the weights to model.weights.mountPath.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.avatar" -}}
{{- $avatar := .Values.model.avatar -}}
{{- if ne (empty $avatar.file) (empty $avatar.volume) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "AVATAR_VOLUME"
  "what" (printf "model.avatar.file is %q, and model.avatar.volume is %s." $avatar.file (ternary "empty" "not" (empty $avatar.volume)))
  "why" "an avatar's file lies in a volume; with one of them alone the museum's agent would be served, or none."
  "fix" "set both, for example model.avatar.volume: {persistentVolumeClaim: {claimName: avatar}}, or neither.") -}}
{{- end -}}
{{- if and $avatar.file (ne .Values.model.preset "nano") -}}
{{- include "wan-streamer.validate.error" (dict "rule" "AVATAR_PRESET"
  "what" (printf "model.avatar.file is set, but model.preset is %s." .Values.model.preset)
  "why" "avatars are of the preset nano; heads, memory and GPUs would be counted for another model."
  "fix" "set model.preset: nano.") -}}
{{- end -}}
{{- if and $avatar.file (eq .Values.model.weights.mountPath "/avatar") (ne .Values.model.weights.source "image") -}}
{{- include "wan-streamer.validate.error" (dict "rule" "AVATAR_PATH"
  "what" "model.weights.mountPath is /avatar, where the avatar's volume is mounted."
  "why" "one of the two would hide the other."
  "fix" "choose another model.weights.mountPath.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.gpu" -}}
{{- $resource := .Values.gpu.resourceName -}}
{{- range $name := list "gateway" "thinker" "performer" -}}
{{- $resources := (index $.Values $name).resources -}}
{{- if or (hasKey ($resources.limits | default dict) $resource) (hasKey ($resources.requests | default dict) $resource) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "GPU_COUNT"
  "what" (printf "%s.resources names %s." $name $resource)
  "why" "the chart computes the number of GPUs from device, performer.layout and performer.ranks; two numbers would disagree one day."
  "fix" (printf "remove it from %s.resources; set device: cuda and performer.ranks." $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.tls" -}}
{{- range $kind := list "internal" "client" -}}
{{- $tls := index $.Values.tls $kind -}}
{{- if and $tls.enabled (eq (empty $tls.existingSecret) (not $tls.certManager.enabled)) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "TLS_SOURCE"
  "what" (printf "tls.%s is on with %s." $kind (ternary "neither a secret nor cert-manager" "both a secret and cert-manager" (empty $tls.existingSecret)))
  "why" "the certificate must come from one place."
  "fix" (printf "set tls.%s.existingSecret, or tls.%s.certManager.enabled with an issuerRef." $kind $kind)) -}}
{{- end -}}
{{- if and $tls.enabled $tls.certManager.enabled (not $tls.certManager.issuerRef.name) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "TLS_ISSUER"
  "what" (printf "tls.%s.certManager is on without issuerRef.name." $kind)
  "why" "cert-manager would not know who signs, and the pods would wait for their secret for ever."
  "fix" (printf "set tls.%s.certManager.issuerRef: {name: ..., kind: ClusterIssuer}." $kind)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.telemetry" -}}
{{- $endpoint := .Values.tracing.otlpEndpoint -}}
{{- if and $endpoint (not (regexMatch "^https?://[^/ ]+/?$" $endpoint)) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "OTLP_ENDPOINT"
  "what" (printf "tracing.otlpEndpoint is %q." $endpoint)
  "why" "the services speak OTLP over gRPC and must be told whether with TLS."
  "fix" "write http://host:4317 (plain) or https://host:4317 (TLS).") -}}
{{- end -}}
{{- $monitoring := .Values.monitoring -}}
{{- if and (not .Values.metrics.enabled) (or $monitoring.podMonitor.enabled $monitoring.rules.enabled) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "METRICS_OFF"
  "what" "metrics.enabled is false, but monitoring.podMonitor or monitoring.rules is on."
  "why" "there would be nothing to scrape, and the alert on absent metrics would fire for ever."
  "fix" "set metrics.enabled: true, or switch the monitoring objects off.") -}}
{{- end -}}
{{- if and $monitoring.rules.enabled (not $monitoring.podMonitor.enabled) -}}
{{- include "wan-streamer.validate.error" (dict "rule" "RULES_WITHOUT_MONITOR"
  "what" "monitoring.rules is on, but monitoring.podMonitor is off."
  "why" "the rules select by the label release, which the PodMonitor gives to the metrics."
  "fix" "set monitoring.podMonitor.enabled: true.") -}}
{{- end -}}
{{- end -}}

{{- define "wan-streamer.validate.slo" -}}
{{- $names := list -}}
{{- range $objective := .Values.slo.objectives -}}
{{- if has $objective.name $names -}}
{{- include "wan-streamer.validate.error" (dict "rule" "SLO_NAME"
  "what" (printf "slo.objectives has two objectives named %s." $objective.name)
  "why" "they would record into the same series, and Prometheus would refuse both."
  "fix" "rename one.") -}}
{{- end -}}
{{- $names = append $names $objective.name -}}
{{- range $.Values.slo.alerts -}}
{{- if ge (mulf .burn (subf 1.0 $objective.target)) 1.0 -}}
{{- include "wan-streamer.validate.error" (dict "rule" "SLO_TARGET"
  "what" (printf "objective %s has target %v, and an alert burns at %v." $objective.name $objective.target .burn)
  "why" "the alert needs a share of bad events of 1 or more: it could never fire."
  "fix" (printf "raise the target above %v, or lower the alert's burn." (subf 1.0 (divf 1.0 .burn)))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
