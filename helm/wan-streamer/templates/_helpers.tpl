{{/* All helpers of the chart. Those about one component take a dict: root, name ("gateway", "thinker" or "performer"). */}}

{{- define "wan-streamer.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Name of a component's objects. 40 + "-performer-NN-NN" stays below the 63 characters of a DNS label. */}}
{{- define "wan-streamer.name" -}}
{{- printf "%s-%s" (include "wan-streamer.fullname" .root) .name -}}
{{- end -}}

{{/* What selects a component's pods; never changes. */}}
{{- define "wan-streamer.selector" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .name }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "wan-streamer.labels" -}}
{{ include "wan-streamer.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: wan-streamer
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* metadata of an object: name, namespace, labels, annotations. Optional: suffix, labels, annotations. */}}
{{- define "wan-streamer.metadata" -}}
name: {{ include "wan-streamer.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}{{ with .suffix }}-{{ . }}{{ end }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "wan-streamer.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "wan-streamer.image" -}}
{{- $all := .root.Values.image -}}
{{- $own := (index .root.Values .name).image -}}
{{- with $all.registry }}{{ . }}/{{ end -}}
{{- $own.repository -}}
{{- if $own.digest }}@{{ $own.digest }}{{ else }}:{{ $own.tag | default $all.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "wan-streamer.serviceAccountName" -}}
{{- if .root.Values.serviceAccount.name -}}
{{- .root.Values.serviceAccount.name -}}
{{- else if .root.Values.serviceAccount.create -}}
{{- include "wan-streamer.name" . -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{/* The one place where the grace is computed: preStop + drain + margin. */}}
{{- define "wan-streamer.neededGrace" -}}
{{- $own := index .root.Values .name -}}
{{- addf $own.preStopSeconds $own.drainSeconds .root.Values.termination.marginSeconds | ceil | int -}}
{{- end -}}

{{/* The grace, or longer where a value says so. */}}
{{- define "wan-streamer.grace" -}}
{{- (index .root.Values .name).terminationGracePeriodSeconds | default (include "wan-streamer.neededGrace" .) | int -}}
{{- end -}}

{{/* Address of pod `pod` behind the headless service `service`. */}}
{{- define "wan-streamer.podAddress" -}}
{{- printf "%s.%s.%s.svc.%s" .pod .service .root.Release.Namespace .root.Values.clusterDomain -}}
{{- end -}}

{{/*
The performer group that thinker $(POD_INDEX) calls; where many thinkers share one group, that one. One thinker and one group are
named like many pairs: scaling them must change no pod.
*/}}
{{- define "wan-streamer.performerAddress" -}}
{{- $performer := .root.Values.performer -}}
{{- $base := include "wan-streamer.name" (dict "root" .root "name" "performer") -}}
{{- $group := ternary "$(POD_INDEX)" "0" (eq (int .root.Values.thinker.replicas) (int $performer.groups)) -}}
{{- if eq $performer.layout "podPerRank" -}}
{{- $set := printf "%s-%s" $base $group -}}
{{- include "wan-streamer.podAddress" (dict "root" .root "pod" (printf "%s-0" $set) "service" $set) -}}
{{- else -}}
{{- include "wan-streamer.podAddress" (dict "root" .root "pod" (printf "%s-%s" $base $group) "service" $base) -}}
{{- end -}}
:{{ $performer.port }}
{{- end -}}

{{/* Options that all services have. */}}
{{- define "wan-streamer.commonArgs" -}}
{{- $values := .root.Values -}}
{{- $own := index $values .name -}}
- --host=0.0.0.0
- --port={{ $own.port }}
- --drain-seconds={{ int64 $own.drainSeconds }}
- --log-level={{ $values.logging.level }}
- {{ ternary "--log-json" "--no-log-json" $values.logging.json }}
{{- if $values.metrics.enabled }}
- --metrics-port={{ $values.metrics.port }}
{{- end }}
{{- with $values.tracing.otlpEndpoint }}
- --otlp-endpoint={{ . }}
{{- end }}
- --trace-sampling={{ $values.tracing.sampling }}
{{- $serves := ternary $values.tls.client.enabled $values.tls.internal.enabled (eq .name "gateway") }}
{{- if $serves }}
- --tls-cert-file=/etc/wan-streamer/tls-server/tls.crt
- --tls-key-file=/etc/wan-streamer/tls-server/tls.key
- --health-port={{ include "wan-streamer.healthPort" . }}
{{- end }}
{{- $isMutual := and $values.tls.internal.enabled $values.tls.internal.mutual }}
{{- if and $isMutual (ne .name "gateway") }}
- --tls-client-ca-file=/etc/wan-streamer/tls-server/ca.crt
{{- end }}
{{- if and $values.tls.internal.enabled (ne .name "performer") }}
- --tls-ca-file=/etc/wan-streamer/tls-internal/ca.crt
{{- end }}
{{- if and $isMutual (ne .name "performer") }}
- --tls-peer-cert-file=/etc/wan-streamer/tls-internal/tls.crt
- --tls-peer-key-file=/etc/wan-streamer/tls-internal/tls.key
{{- end }}
{{- end -}}

{{/* Options of the processes that run the model. */}}
{{- define "wan-streamer.engineArgs" -}}
{{- $own := index .root.Values .name -}}
- --preset={{ with .root.Values.model.avatar.file }}/avatar/{{ . }}{{ else }}{{ .root.Values.model.preset }}{{ end }}
{{- /* Helm reads numbers as floats: a large one would be written with an exponent. */}}
- --weights-seed={{ int64 .root.Values.model.weightsSeed }}
- --device={{ .root.Values.device }}
- --dtype={{ .root.Values.dtype }}
- --threads={{ $own.threads }}
- --max-sessions={{ int64 $own.maxSessions }}
{{- end -}}

{{/* Where probes ask: kubelets ask gRPC without TLS only, so a service with TLS has a port for health alone. */}}
{{- define "wan-streamer.healthPort" -}}
{{- $own := index .root.Values .name -}}
{{- $serves := ternary .root.Values.tls.client.enabled .root.Values.tls.internal.enabled (eq .name "gateway") -}}
{{- ternary (add $own.port 100) (int $own.port) $serves -}}
{{- end -}}

{{- define "wan-streamer.secretOf" -}}
{{- $tls := index .root.Values.tls .kind -}}
{{- $tls.existingSecret | default (printf "%s-tls-%s" (include "wan-streamer.fullname" .root) .kind) -}}
{{- end -}}

{{/* Number of GPUs of one pod of a component; 0 on CPUs. */}}
{{- define "wan-streamer.gpuCount" -}}
{{- if or (eq .root.Values.device "cpu") (eq .name "gateway") -}}
0
{{- else if and (eq .name "performer") (eq .root.Values.performer.layout "podPerGroup") -}}
{{- .root.Values.performer.ranks -}}
{{- else -}}
1
{{- end -}}
{{- end -}}

{{- define "wan-streamer.resources" -}}
{{- $resources := deepCopy (index .root.Values .name).resources -}}
{{- $gpus := include "wan-streamer.gpuCount" . | int -}}
{{- if $gpus -}}
{{- $limits := merge (dict .root.Values.gpu.resourceName $gpus) ($resources.limits | default dict) -}}
{{- $resources = merge (dict "limits" $limits) $resources -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* Pod spec of a component. Keys: root, name, args (list), env (list), command (list), volumes, mounts, subdomain. */}}
{{- define "wan-streamer.podSpec" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $own := index $values .name -}}
{{- $name := .name -}}
{{- $weights := $values.model.weights -}}
{{- $needsWeights := and (ne $name "gateway") (ne $weights.source "image") -}}
{{- $needsAvatar := and (ne $name "gateway") (ne $values.model.avatar.file "") -}}
{{- $servesTls := ternary $values.tls.client.enabled $values.tls.internal.enabled (eq $name "gateway") -}}
serviceAccountName: {{ include "wan-streamer.serviceAccountName" . }}
automountServiceAccountToken: {{ and (eq $name "gateway") (eq $values.gateway.discovery "kubernetes") }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ include "wan-streamer.grace" . }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $own.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  {{- $selector := dict "labelSelector" (dict "matchLabels" (include "wan-streamer.selector" (dict "root" $root "name" $name) | fromYaml)) }}
  - {{- toYaml (merge (deepCopy .) $selector) | nindent 4 }}
  {{- end }}
{{- end }}
{{- if or $own.initContainers (and $needsWeights (eq $weights.source "initContainer")) }}
initContainers:
  {{- if and $needsWeights (eq $weights.source "initContainer") }}
  - name: weights
    image: {{ $weights.initContainer.image }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    {{- with $weights.initContainer.command }}
    command:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $weights.initContainer.args }}
    args:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with $weights.initContainer.env }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      {{- toYaml $values.containerSecurityContext | nindent 6 }}
    resources:
      {{- toYaml $weights.initContainer.resources | nindent 6 }}
    volumeMounts:
      - name: weights
        mountPath: {{ $weights.mountPath }}
  {{- end }}
  {{- with $own.initContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
containers:
  - name: {{ $name }}
    image: {{ include "wan-streamer.image" . }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    command:
      {{- toYaml .command | nindent 6 }}
    args:
      {{- toYaml (concat .args $own.extraArgs) | nindent 6 }}
    {{- with concat (.env | default list) $own.extraEnv }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      - name: grpc
        containerPort: {{ $own.port }}
      {{- if $values.metrics.enabled }}
      - name: metrics
        containerPort: {{ $values.metrics.port }}
      {{- end }}
    {{- /* "live" asks the engine alone: a thinker without its performer is not ready, but a restart would not help it. */}}
    startupProbe:
      grpc:
        port: {{ include "wan-streamer.healthPort" . }}
        service: live
      {{- toYaml $own.probes.startup | nindent 6 }}
    readinessProbe:
      grpc:
        port: {{ include "wan-streamer.healthPort" . }}
      {{- toYaml $own.probes.readiness | nindent 6 }}
    livenessProbe:
      grpc:
        port: {{ include "wan-streamer.healthPort" . }}
        service: live
      {{- toYaml $own.probes.liveness | nindent 6 }}
    {{- if $own.preStopSeconds }}
    lifecycle:
      preStop:
        sleep:
          seconds: {{ $own.preStopSeconds }}
    {{- end }}
    securityContext:
      {{- toYaml $values.containerSecurityContext | nindent 6 }}
    resources:
      {{- include "wan-streamer.resources" . | nindent 6 }}
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      {{- if $needsWeights }}
      - name: weights
        mountPath: {{ $weights.mountPath }}
        readOnly: true
      {{- end }}
      {{- if $needsAvatar }}
      - name: avatar
        mountPath: /avatar
        readOnly: true
      {{- end }}
      {{- if $servesTls }}
      - name: tls-server
        mountPath: /etc/wan-streamer/tls-server
        readOnly: true
      {{- end }}
      {{- if and $values.tls.internal.enabled (ne $name "performer") }}
      - name: tls-internal
        mountPath: /etc/wan-streamer/tls-internal
        readOnly: true
      {{- end }}
      {{- with concat (.mounts | default list) $own.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  {{- with $own.extraContainers }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
  {{- if $needsWeights }}
  - name: weights
    {{- if eq $weights.source "volume" }}
    {{- toYaml $weights.volume | nindent 4 }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ $weights.initContainer.sizeLimit }}
    {{- end }}
  {{- end }}
  {{- if $needsAvatar }}
  - name: avatar
    {{- toYaml $values.model.avatar.volume | nindent 4 }}
  {{- end }}
  {{- if $servesTls }}
  - name: tls-server
    secret:
      secretName: {{ include "wan-streamer.secretOf" (dict "root" $root "kind" (ternary "client" "internal" (eq $name "gateway"))) }}
  {{- end }}
  {{- if and $values.tls.internal.enabled (ne $name "performer") }}
  - name: tls-internal
    secret:
      secretName: {{ include "wan-streamer.secretOf" (dict "root" $root "kind" "internal") }}
  {{- end }}
  {{- with concat (.volumes | default list) $own.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* A pod template: metadata and spec. Keys as of podSpec, and labels (of the pod). */}}
{{- define "wan-streamer.podTemplate" -}}
{{- $own := index .root.Values .name -}}
metadata:
  labels:
    {{- /* No version here: a new chart alone must not restart pods that hold sessions. */}}
    {{- include "wan-streamer.selector" (dict "root" .root "name" .name) | nindent 4 }}
    {{- with merge (dict) (.labels | default dict) $own.podLabels .root.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with merge (dict) $own.podAnnotations .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- include "wan-streamer.podSpec" . | nindent 2 }}
{{- end -}}
