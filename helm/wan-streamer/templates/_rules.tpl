{{/*
Recording and alerting rules from slo.objectives[] and slo.alerts[]. The share of bad events over each window is recorded for
the whole release and, where byGroup is set, for each performer group: a bad group of many hardly moves the whole.
*/}}
{{- define "wan-streamer.rules" -}}
{{- $scope := printf "namespace=%q,release=%q" .Release.Namespace .Release.Name -}}
{{- $windows := list -}}
{{- $longs := list -}}
{{- range .Values.slo.alerts -}}
{{- $longs = append $longs .long -}}
{{- $windows = concat $windows (list .long .short) -}}
{{- end -}}
{{- $windows = $windows | uniq -}}
groups:
  {{- range $objective := .Values.slo.objectives }}
  {{- $good := printf "%s{%s,%s}" .good.metric $scope .good.match }}
  {{- $total := printf "%s{%s,%s}" .total.metric $scope .total.match }}
  {{- $kinds := list (dict "suffix" "" "by" "namespace, release") }}
  {{- if .byGroup }}
  {{- $kinds = append $kinds (dict "suffix" "_by_group" "by" "namespace, release, group") }}
  {{- end }}
  - name: {{ $.Release.Name }}-slo-{{ .name }}
    rules:
      {{- range $kind := $kinds }}
      {{- range $window := $windows }}
      - record: wan_streamer:slo_bad_ratio{{ $kind.suffix }}:rate{{ $window }}
        {{- /* Without any good event there is no series of them: then all are bad, not none known. */}}
        expr: |
          1 - (sum by ({{ $kind.by }}) (rate({{ $good }}[{{ $window }}])) or 0 * sum by ({{ $kind.by }}) (rate({{ $total }}[{{ $window }}])))
            / (sum by ({{ $kind.by }}) (rate({{ $total }}[{{ $window }}])) > 0)
        labels:
          slo: {{ $objective.name }}
      {{- if has $window $longs }}
      - record: wan_streamer:slo_events{{ $kind.suffix }}:increase{{ $window }}
        expr: sum by ({{ $kind.by }}) (increase({{ $total }}[{{ $window }}]))
        labels:
          slo: {{ $objective.name }}
      {{- end }}
      {{- end }}
      {{- end }}
      {{- range $kind := $kinds }}
      {{- range $alert := $.Values.slo.alerts }}
      {{- $selector := printf "{%s,slo=%q}" $scope $objective.name }}
      {{- $limit := printf "%g * (1 - %g)" (float64 $alert.burn) (float64 $objective.target) }}
      - alert: WanStreamer{{ $objective.name | replace "-" " " | title | nospace }}{{ ternary "Group" "" (ne $kind.suffix "") }}Burn
        {{- /* The second line: too few events say nothing. */}}
        expr: |
          wan_streamer:slo_bad_ratio{{ $kind.suffix }}:rate{{ $alert.long }}{{ $selector }} > {{ $limit }}
          and wan_streamer:slo_events{{ $kind.suffix }}:increase{{ $alert.long }}{{ $selector }} >= {{ $objective.minimumEvents }}
          and wan_streamer:slo_bad_ratio{{ $kind.suffix }}:rate{{ $alert.short }}{{ $selector }} > {{ $limit }}
        for: {{ $alert.for }}
        labels:
          severity: {{ $alert.severity }}
          window: {{ $alert.long }}
        annotations:
          summary: "{{ $objective.name }}{{ if $kind.suffix }} of group {{ "{{ $labels.group }}" }}{{ end }} burns its error budget {{ $alert.burn }} times too fast"
          description: "{{ $objective.description }} Promised {{ mulf 100.0 $objective.target }} %; over {{ $alert.long }} bad were {{ "{{ $value | humanizePercentage }}" }}."
          runbook_url: {{ $.Values.monitoring.rules.runbookUrl }}/{{ $objective.name }}.md
      {{- end }}
      {{- end }}
  {{- end }}
  - name: {{ .Release.Name }}-presence
    rules:
      - alert: WanStreamerMetricsAbsent
        expr: absent(wan_streamer_session_capacity{ {{- $scope }},service="gateway"})
        for: 5m
        labels:
          severity: page
        annotations:
          summary: "No gateway of {{ .Release.Name }} reports"
          description: Nothing is known of the service; the other alerts cannot fire.
          runbook_url: {{ .Values.monitoring.rules.runbookUrl }}/metrics-absent.md
      - alert: WanStreamerGroupMissing
        expr: (count(wan_streamer_session_capacity{ {{- $scope }},service="performer"} > 0) or vector(0)) < {{ .Values.performer.groups }}
        for: 10m
        labels:
          severity: ticket
        annotations:
          summary: "{{ "{{ $value }}" }} of {{ .Values.performer.groups }} performer groups of {{ .Release.Name }} report"
          description: A group is down or does not start; its places are missing.
          runbook_url: {{ .Values.monitoring.rules.runbookUrl }}/group-missing.md
      - alert: WanStreamerPlacesExhausted
        expr: |
          sum by (namespace, release) (wan_streamer_sessions{ {{- $scope }},service="thinker"})
            / sum by (namespace, release) (wan_streamer_session_capacity{ {{- $scope }},service="thinker"}) > 0.9
        for: 15m
        labels:
          severity: ticket
        annotations:
          summary: "{{ "{{ $value | humanizePercentage }}" }} of the places of {{ .Release.Name }} are taken"
          description: New sessions will soon be refused.
          runbook_url: {{ .Values.monitoring.rules.runbookUrl }}/places-exhausted.md
{{- end -}}
