package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/cli-runtime/pkg/resource"
	client "k8s.io/client-go/kubernetes"

	"helm.sh/helm/v3/pkg/kube"
)

const (
	skipAwait    = "pulumi.com/skipAwait"
	defaultLimit = 10 * time.Minute
)

// patience is a `customTimeouts` value in seconds, or ten minutes.
func patience(seconds float64) time.Duration {
	if seconds > 0 {
		return time.Duration(seconds * float64(time.Second))
	}
	return defaultLimit
}

// waited are the kinds that have something to wait for; the judgement is the one of `helm --wait`.
var waited = map[string]bool{
	"Pod": true, "Deployment": true, "StatefulSet": true, "DaemonSet": true, "ReplicaSet": true, "Job": true,
	"PersistentVolumeClaim": true, "Service": true, "CustomResourceDefinition": true,
}

// ready waits until an object works and gives its latest view; the error says what it waited for.
func (k *kubernetes) ready(
	live, asked *unstructured.Unstructured, timeout float64,
) (*unstructured.Unstructured, error) {
	if !waited[live.GetKind()] || asked.GetAnnotations()[skipAwait] == "true" {
		return live, nil
	}
	if live.GetKind() == "PersistentVolumeClaim" && k.bindsLate(live) {
		return live, nil
	}
	config, err := k.cluster.ToRESTConfig()
	if err != nil {
		return live, err
	}
	clients, err := client.NewForConfig(config)
	if err != nil {
		return live, err
	}
	collection, err := k.cluster.objects(live.GroupVersionKind(), live.GetNamespace())
	if err != nil {
		return live, err
	}
	quiet := func(string, ...any) {}
	checker := kube.NewReadyChecker(clients, quiet, kube.PausedAsReady(true), kube.CheckJobs(true))
	limit := patience(timeout)
	err = wait.PollUntilContextTimeout(k.ctx, 500*time.Millisecond, limit, true,
		func(ctx context.Context) (bool, error) {
			latest, err := collection.Get(ctx, live.GetName(), metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			live = latest
			return checker.IsReady(ctx, &resource.Info{
				Name: live.GetName(), Namespace: live.GetNamespace(), Object: live,
			})
		})
	if err != nil {
		return live, fmt.Errorf("%s %q was not ready within %s: %w", live.GetKind(), id(live), limit, err)
	}
	return live, nil
}

// bindsLate tells whether a claim waits for its first pod, which the program may make only later.
func (k *kubernetes) bindsLate(claim *unstructured.Unstructured) bool {
	class, _, _ := unstructured.NestedString(claim.Object, "spec", "storageClassName")
	config, err := k.cluster.ToRESTConfig()
	if err != nil {
		return false
	}
	clients, err := client.NewForConfig(config)
	if err != nil {
		return false
	}
	found, err := clients.StorageV1().StorageClasses().Get(k.ctx, class, metav1.GetOptions{})
	return err == nil && found.VolumeBindingMode != nil && *found.VolumeBindingMode == "WaitForFirstConsumer"
}
