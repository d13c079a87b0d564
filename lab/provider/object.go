package main

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const autonamed = "pulumi.com/autonamed"

// identity are the metadata that the server sets and nobody asks for.
var identity = []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid", "selfLink"}

func (k *kubernetes) checkObject(req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	asked := unstructured.Unstructured{Object: plainMap(news)}
	asked.SetGroupVersionKind(kind)
	metadata, _ := asked.Object["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
		asked.Object["metadata"] = metadata
	}
	if metadata["generateName"] != nil {
		return nil, fmt.Errorf("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
	}
	if metadata["name"] == nil {
		if err := name(&asked, plainMap(olds), req); err != nil {
			return nil, err
		}
	}
	if metadata["namespace"] == nil && namespaced(kind) {
		metadata["namespace"] = k.cluster.namespace
	}
	checked := resource.NewPropertyMapFromMap(asked.Object)
	markSecrets(checked, news)
	inputs, err := pack(checked)
	return &pulumirpc.CheckResponse{Inputs: inputs}, err
}

// name takes the name that an unnamed object had before, or makes one.
func name(asked *unstructured.Unstructured, before map[string]any, req *pulumirpc.CheckRequest) error {
	old := unstructured.Unstructured{Object: before}
	chosen := old.GetName()
	if chosen == "" || old.GetAnnotations()[autonamed] != "true" {
		var err error
		if chosen, err = automatic(req.GetUrn(), req.GetRandomSeed()); err != nil {
			return err
		}
	}
	asked.SetName(chosen)
	annotations := asked.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[autonamed] = "true"
	asked.SetAnnotations(annotations)
	return nil
}

// parts takes a state apart: what was asked, and what the server said.
func parts(state resource.PropertyMap) (inputs, live map[string]any) {
	live = plainMap(state)
	inputs, _ = live["__inputs"].(map[string]any)
	for key := range live {
		if strings.HasPrefix(key, "__") {
			delete(live, key)
		}
	}
	return inputs, live
}

func diffObject(req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	kind, err := kindFrom(req.GetUrn())
	if err != nil {
		return nil, err
	}
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	before, live := parts(olds)
	now := plainMap(news)
	found, err := newChanges(forcedBy(kind), req.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	found.compare(nil, written(before), written(now), live)
	is, was := unstructured.Unstructured{Object: now}, unstructured.Unstructured{Object: live}
	// Under a name of the program's own choosing, old and new cannot be there together.
	sameName := is.GetName() == was.GetName() && is.GetNamespace() == was.GetNamespace()
	return found.response(sameName && is.GetAnnotations()[autonamed] != "true"), nil
}

// written is an object as the server writes it: `stringData` moved into `data`.
func written(object map[string]any) map[string]any {
	texts, found := object["stringData"].(map[string]any)
	if !found || object["kind"] != "Secret" {
		return object
	}
	out, data := map[string]any{}, map[string]any{}
	for key, value := range object {
		if key != "stringData" {
			out[key] = value
		}
	}
	old, _ := object["data"].(map[string]any)
	for key, value := range old {
		data[key] = value
	}
	for key, value := range texts {
		if text, is := value.(string); is {
			value = base64.StdEncoding.EncodeToString([]byte(text))
		}
		data[key] = value
	}
	out["data"] = data
	return out
}

// checkpoint is the state of an object: the server's view, and what was asked.
func checkpoint(
	inputs, live map[string]any, secrets resource.PropertyMap, manager string,
) (*structpb.Struct, error) {
	state := resource.NewPropertyMapFromMap(live)
	asked := resource.NewPropertyMapFromMap(inputs)
	markSecrets(state, secrets)
	markSecrets(asked, secrets)
	state["__inputs"] = resource.NewObjectProperty(asked)
	state["__initialApiVersion"] = resource.NewProperty(fmt.Sprint(inputs["apiVersion"]))
	state["__fieldManager"] = resource.NewProperty(manager)
	return pack(state)
}

// manager is the name that this resource's fields are owned by in the server's eyes.
func manager(state resource.PropertyMap) (string, error) {
	if kept := state["__fieldManager"]; kept.IsString() {
		return kept.StringValue(), nil
	}
	return resource.NewUniqueHex("pulumi-kubernetes-", 8, 0)
}

// prune keeps of `live` what `asked` has a place for.
func prune(live, asked any) any {
	switch asked := asked.(type) {
	case map[string]any:
		liveMap, is := live.(map[string]any)
		if !is {
			return live
		}
		out := map[string]any{}
		for key, item := range asked {
			if value, found := liveMap[key]; found {
				out[key] = prune(value, item)
			}
		}
		return out
	case []any:
		liveList, is := live.([]any)
		if !is || len(liveList) != len(asked) {
			return live
		}
		out := []any{}
		for i := range asked {
			out = append(out, prune(liveList[i], asked[i]))
		}
		return out
	}
	return live
}

func id(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return object.GetName()
	}
	return object.GetNamespace() + "/" + object.GetName()
}
