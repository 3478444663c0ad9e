{{- define "swiftlet.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "swiftlet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The operator knows these names, so they are the same in every release. */ -}}
{{- define "swiftlet.webhookService" -}}opentelemetry-operator-webhook-service{{- end -}}
{{- define "swiftlet.certificateSecret" -}}opentelemetry-operator-webhook-certificates{{- end -}}
{{- define "swiftlet.lease" -}}9f7554c3.opentelemetry.io{{- end -}}

{{- define "swiftlet.serviceAccount" -}}
{{- if .Values.manager.serviceAccount.create -}}
{{- default (include "swiftlet.fullname" .) .Values.manager.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.manager.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* What selects the operator's pods. `swiftlet check` and the Go operator's must-gather find it by the first label. */ -}}
{{- define "swiftlet.selector" -}}
app.kubernetes.io/name: opentelemetry-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end -}}

{{- /* Labels of every object but the selector's. */ -}}
{{- define "swiftlet.labels" -}}
app.kubernetes.io/name: opentelemetry-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: opentelemetry-operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- range $name, $value := .Values.additionalLabels }}
{{ $name }}: {{ tpl $value $ | quote }}
{{- end }}
{{- end -}}

{{- /* Whether webhooks are served: "yes" or nothing. */ -}}
{{- define "swiftlet.webhooks" -}}
{{- if and .Values.admissionWebhooks.create (ne (toString (index .Values.manager.env "ENABLE_WEBHOOKS" | default "true")) "false") -}}yes{{- end -}}
{{- end -}}

{{- define "swiftlet.image" -}}
{{- printf "%s:%s" .Values.manager.image.repository (default .Chart.AppVersion .Values.manager.image.tag) -}}
{{- end -}}

{{- /* How long serving certificates live, or nothing. */ -}}
{{- define "swiftlet.certificateValidity" -}}
{{- $webhooks := .Values.admissionWebhooks -}}
{{- if $webhooks.certManager.enabled -}}
{{- $webhooks.certManager.duration -}}
{{- else if ne (int $webhooks.autoGenerateCert.certPeriodDays) 365 -}}
{{- printf "%dh" (mul 24 (int $webhooks.autoGenerateCert.certPeriodDays)) -}}
{{- end -}}
{{- end -}}

{{- /* Where the account's token is mounted by hand. */ -}}
{{- define "swiftlet.tokenVolume" -}}
- name: account-token
  projected:
    defaultMode: 0444
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                apiVersion: v1
                fieldPath: metadata.namespace
{{- end -}}
{{- define "swiftlet.tokenMount" -}}
- name: account-token
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end -}}
