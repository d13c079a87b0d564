package main

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// clusterWide are Kubernetes' own kinds that live in no namespace (1.34).
var clusterWide = map[string]bool{
	"APIService": true, "CertificateSigningRequest": true, "ClusterRole": true, "ClusterRoleBinding": true,
	"CSIDriver": true, "CSINode": true, "CustomResourceDefinition": true, "FlowSchema": true,
	"IngressClass": true, "IPAddress": true, "MutatingWebhookConfiguration": true, "Namespace": true,
	"Node": true, "PersistentVolume": true, "PriorityClass": true, "PriorityLevelConfiguration": true,
	"RuntimeClass": true, "ServiceCIDR": true, "StorageClass": true, "ValidatingAdmissionPolicy": true,
	"ValidatingAdmissionPolicyBinding": true, "ValidatingWebhookConfiguration": true, "VolumeAttachment": true,
}

// builtInGroups are Kubernetes' own groups: where their objects are needs no question to the server.
var builtInGroups = map[string]bool{
	"": true, "apps": true, "autoscaling": true, "batch": true, "policy": true,
	"admissionregistration.k8s.io": true, "apiextensions.k8s.io": true, "coordination.k8s.io": true,
	"networking.k8s.io": true, "rbac.authorization.k8s.io": true, "scheduling.k8s.io": true,
	"storage.k8s.io": true,
}

func builtIn(kind schema.GroupVersionKind) bool { return builtInGroups[kind.Group] }

func namespaced(kind schema.GroupVersionKind) bool { return !builtIn(kind) || !clusterWide[kind.Kind] }

// kindFrom reads a type token such as `kubernetes:apps/v1:Deployment`.
func kindFrom(urn string) (schema.GroupVersionKind, error) {
	token := kindOf(urn)
	parts := strings.Split(token, ":")
	group, version, found := strings.Cut(parts[min(1, len(parts)-1)], "/")
	if len(parts) != 3 || !found {
		return schema.GroupVersionKind{}, fmt.Errorf(
			"type %q: accepted is kubernetes:GROUP/VERSION:Kind", token)
	}
	if group == "core" {
		group = ""
	}
	if strings.HasSuffix(parts[2], "Patch") || group == "helm.sh" || group == "yaml" || group == "kustomize" {
		return schema.GroupVersionKind{}, fmt.Errorf(
			"type %q: the lab's stand-in does not have it; install the official plugin", token)
	}
	if strings.HasSuffix(parts[2], "List") {
		return schema.GroupVersionKind{}, fmt.Errorf("list resources exist for compatibility with YAML manifests "+
			"and Helm charts, and cannot be created directly: %q; use the underlying resource type instead", token)
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

// forcedBy are the paths that the API server refuses to change: a change makes a new object.
func forcedBy(kind schema.GroupVersionKind) [][]string {
	texts := []string{"apiVersion", "kind", "metadata.name", "metadata.namespace"}
	texts = append(texts, map[string][]string{
		"/Secret":                {"type"},
		"/Service":               {"spec.clusterIP"},
		"/PersistentVolumeClaim": {"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"},
		"/ConfigMap":             {"data", "binaryData"},
		"/Pod":                   {"spec.containers", "spec.initContainers", "spec.volumes", "spec.nodeName", "spec.restartPolicy"},
		"/ResourceQuota":         {"spec.scopes"},
		"apps/Deployment":        {"spec.selector"},
		"apps/DaemonSet":         {"spec.selector"},
		"apps/StatefulSet": {"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector",
			"spec.serviceName", "spec.volumeClaimTemplates"},
		"batch/Job":                                    {"spec.completions", "spec.parallelism", "spec.selector", "spec.template"},
		"rbac.authorization.k8s.io/RoleBinding":        {"roleRef"},
		"rbac.authorization.k8s.io/ClusterRoleBinding": {"roleRef"},
		"storage.k8s.io/StorageClass":                  {"parameters", "provisioner"},
	}[kind.Group+"/"+kind.Kind]...)
	paths := [][]string{}
	for _, text := range texts {
		paths = append(paths, strings.Split(text, "."))
	}
	return paths
}

// automatic is a name for what the program did not name: the resource's own and eight random characters.
func automatic(urn string, seed []byte) (string, error) {
	return resource.NewUniqueName(seed, resource.URN(urn).Name()+"-", 8, 0, nil)
}
