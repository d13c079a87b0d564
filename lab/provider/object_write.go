package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
)

// createdBy owns the fields of an object until its first update gives it a manager of its own.
const createdBy = "pulumi-kubernetes"

func (k *kubernetes) createObject(req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	news, err := unpack(req.GetProperties())
	if err != nil {
		return nil, malformed(err)
	}
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return nil, err
	}
	asked := &unstructured.Unstructured{Object: plainMap(news)}
	if req.GetPreview() && news.ContainsUnknowns() {
		return &pulumirpc.CreateResponse{Properties: req.GetProperties()}, nil
	}
	collection, err := k.cluster.objects(kind, asked.GetNamespace())
	if err == nil {
		var live *unstructured.Unstructured
		options := metav1.CreateOptions{FieldManager: createdBy}
		if req.GetPreview() {
			options.DryRun = []string{metav1.DryRunAll}
		}
		if live, err = collection.Create(k.ctx, asked, options); err == nil {
			return k.created(req, news, asked, live)
		}
	}
	if req.GetPreview() && !apierrors.IsInvalid(err) {
		// What it needs may be made by the same `up`, or the cluster may not be there yet.
		return &pulumirpc.CreateResponse{Properties: req.GetProperties()}, nil
	}
	return nil, fmt.Errorf("resource %q was not successfully created by the Kubernetes API server: %w",
		req.GetUrn(), err)
}

func (k *kubernetes) created(
	req *pulumirpc.CreateRequest, news resource.PropertyMap, asked, live *unstructured.Unstructured,
) (*pulumirpc.CreateResponse, error) {
	manager, err := manager(nil)
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		delete(live.Object, "status")
		for _, key := range identity {
			unstructured.RemoveNestedField(live.Object, "metadata", key)
		}
		state, err := checkpoint(asked.Object, live.Object, news, manager)
		return &pulumirpc.CreateResponse{Properties: state}, err
	}
	live, waited := k.ready(live, asked, req.GetTimeout())
	state, err := checkpoint(asked.Object, live.Object, news, manager)
	if err != nil {
		return nil, err
	}
	if waited != nil {
		return nil, halfMade(id(live), fmt.Errorf("resource %q was successfully created, but the Kubernetes API "+
			"server reported that it failed to fully initialize or become live: %w", req.GetUrn(), waited), state)
	}
	return &pulumirpc.CreateResponse{Id: id(live), Properties: state}, nil
}

func (k *kubernetes) updateObject(req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		return &pulumirpc.UpdateResponse{Properties: req.GetNews()}, nil
	}
	manager, err := manager(olds)
	if err != nil {
		return nil, err
	}
	asked := &unstructured.Unstructured{Object: plainMap(news)}
	collection, err := k.cluster.objects(kind, asked.GetNamespace())
	if err != nil {
		return nil, err
	}
	live, err := apply(k.ctx, collection, asked, manager, k.forces(asked))
	if err != nil {
		return nil, fmt.Errorf("update of resource %q failed: %w", req.GetUrn(), err)
	}
	live, waited := k.ready(live, asked, req.GetTimeout())
	state, err := checkpoint(asked.Object, live.Object, news, manager)
	if err != nil {
		return nil, err
	}
	if waited != nil {
		return nil, halfMade(id(live), fmt.Errorf("the Kubernetes API server reported that %q failed to fully "+
			"initialize or become live: %w", id(live), waited), state)
	}
	return &pulumirpc.UpdateResponse{Properties: state}, nil
}

// forces says whether fields that another manager owns are taken over: asked for all objects, or for this one.
func (k *kubernetes) forces(asked *unstructured.Unstructured) bool {
	return k.cluster.settings["enablePatchForce"] == "true" ||
		asked.GetAnnotations()["pulumi.com/patchForce"] == "true"
}

// apply takes over what this program made and then applies what is asked; a field of another owner is a conflict
// unless it is forced.
func apply(
	ctx context.Context, collection dynamic.ResourceInterface, asked *unstructured.Unstructured, manager string,
	force bool,
) (*unstructured.Unstructured, error) {
	live, err := collection.Get(ctx, asked.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	takeover, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(createdBy), manager)
	if err != nil {
		return nil, err
	}
	if takeover != nil {
		if _, err := collection.Patch(ctx, live.GetName(), types.JSONPatchType, takeover, metav1.PatchOptions{}); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(asked.Object)
	if err != nil {
		return nil, err
	}
	live, err = collection.Patch(ctx, asked.GetName(), types.ApplyPatchType, text,
		metav1.PatchOptions{FieldManager: manager, Force: &force})
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("server-side apply found a field that another manager owns; undo its change, or take "+
			"the field over with the annotation `pulumi.com/patchForce: \"true\"`: %w", err)
	}
	return live, err
}
