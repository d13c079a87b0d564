package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
)

// split reads an id, `namespace/name` or `name`.
func split(id string) (namespace, name string) {
	if namespace, name, found := strings.Cut(id, "/"); found {
		return namespace, name
	}
	return "", id
}

func gone(err error) bool { return apierrors.IsNotFound(err) || meta.IsNoMatchError(err) }

// readObject refreshes a state, or, without one, imports the object or reads it for `.get`.
func (k *kubernetes) readObject(req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := unpack(req.GetProperties())
	if err != nil {
		return nil, malformed(err)
	}
	secrets, err := unpack(req.GetInputs())
	if err != nil {
		return nil, malformed(err)
	}
	namespace, name := split(req.GetId())
	if namespace == "" && namespaced(kind) {
		namespace = k.cluster.namespace
	}
	collection, err := k.cluster.objects(kind, namespace)
	if err != nil {
		return nil, err
	}
	live, err := collection.Get(k.ctx, name, metav1.GetOptions{})
	if gone(err) {
		return &pulumirpc.ReadResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	before, _ := parts(olds)
	if len(before) == 0 {
		before = plainMap(secrets)
	}
	inputs := imported(live)
	if len(before) > 0 {
		inputs, _ = prune(live.Object, written(before)).(map[string]any)
	}
	manager, err := manager(olds)
	if err != nil {
		return nil, err
	}
	state, err := checkpoint(inputs, live.Object, secrets, manager)
	if err != nil {
		return nil, err
	}
	asked := resource.NewPropertyMapFromMap(inputs)
	markSecrets(asked, secrets)
	packed, err := pack(asked)
	return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: state, Inputs: packed}, err
}

// imported is what a program would have asked for to get this object.
func imported(live *unstructured.Unstructured) map[string]any {
	out := live.DeepCopy()
	delete(out.Object, "status")
	for _, key := range identity {
		unstructured.RemoveNestedField(out.Object, "metadata", key)
	}
	for _, annotation := range []string{
		"deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration",
	} {
		unstructured.RemoveNestedField(out.Object, "metadata", "annotations", annotation)
	}
	return out.Object
}

// deleteObject deletes and waits until the object is gone, its finalizers done.
func (k *kubernetes) deleteObject(req *pulumirpc.DeleteRequest) error {
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return err
	}
	namespace, name := split(req.GetId())
	collection, err := k.cluster.objects(kind, namespace)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	err = collection.Delete(k.ctx, name, metav1.DeleteOptions{PropagationPolicy: &foreground})
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	limit := patience(req.GetTimeout())
	err = wait.PollUntilContextTimeout(k.ctx, 200*time.Millisecond, limit, true,
		func(ctx context.Context) (bool, error) {
			_, err := collection.Get(ctx, name, metav1.GetOptions{})
			return gone(err), notGone(err)
		})
	if err != nil {
		return fmt.Errorf("%s %q was not gone after %s (its finalizers may be waiting): %w",
			kind.Kind, req.GetId(), limit, err)
	}
	return nil
}

func notGone(err error) error {
	if gone(err) {
		return nil
	}
	return err
}
