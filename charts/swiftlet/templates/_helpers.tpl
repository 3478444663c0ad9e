{{- define "swiftlet.name" -}}
{{- default "opentelemetry-operator" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "swiftlet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "swiftlet.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "swiftlet.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "swiftlet.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{- define "swiftlet.account" -}}
{{- if .Values.manager.serviceAccount.create -}}
{{- default (include "swiftlet.name" .) .Values.manager.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.manager.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "swiftlet.selector" -}}
app.kubernetes.io/name: {{ include "swiftlet.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller-manager
{{- end -}}

{{- define "swiftlet.labels" -}}
{{ include "swiftlet.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.additionalLabels }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- define "swiftlet.image" -}}
{{- printf "%s:%s" .Values.manager.image.repository (default "dev" .Values.manager.image.tag) -}}
{{- end -}}

{{- define "swiftlet.servesWebhooks" -}}
{{- if and .Values.admissionWebhooks.create (ne (toString .Values.manager.env.ENABLE_WEBHOOKS) "false") -}}true{{- end -}}
{{- end -}}

{{- define "swiftlet.secret" -}}
{{- default (printf "%s-controller-manager-service-cert" (include "swiftlet.fullname" .)) .Values.admissionWebhooks.secretName -}}
{{- end -}}

{{- define "swiftlet.clusterRules" -}}
{{ .Files.Get "files/cluster-rules.yaml" | trim }}
{{ .Files.Get "files/namespaced-rules.yaml" | trim }}
{{- if .Values.manager.createRbacPermissions }}
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles, clusterrolebindings]
  verbs: [create, delete, get, list, patch, update, watch]
- apiGroups: [""]
  resources: [nodes, namespaces, secrets]
  verbs: [get, list, watch]
{{- end }}
{{- end -}}
