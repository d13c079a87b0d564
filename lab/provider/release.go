package main

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// checkRelease writes every default out and pulls the chart: its exact version is part of what is asked.
// It renders nothing: what the chart itself refuses shows only at `up`.
func (k *kubernetes) checkRelease(
	_ context.Context, req *pulumirpc.CheckRequest,
) (*pulumirpc.CheckResponse, error) {
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	if post := news["postrender"]; post.IsString() && post.StringValue() != "" {
		return nil, k.refused("Release input", "postrender")
	}
	if name := news["name"]; !news.HasValue("name") || name.IsString() && name.StringValue() == "" {
		if news["name"] = olds["name"]; !olds.HasValue("name") {
			made, err := automatic(req.GetUrn(), req.GetRandomSeed())
			if err != nil {
				return nil, err
			}
			news["name"] = resource.NewStringProperty(made)
		}
	}
	asked, err := filled(news, k.cluster.namespace)
	if err != nil {
		return nil, err
	}
	if verify := asked["verify"]; verify.IsBool() && verify.BoolValue() && asked["keyring"].V == "" {
		asked["keyring"] = resource.NewStringProperty(defaultKeyring())
	}
	response := &pulumirpc.CheckResponse{}
	if !news.ContainsUnknowns() {
		var spec releaseSpec
		if err := decode(asked, &spec); err != nil {
			return nil, malformed(err)
		}
		if chart, _, err := k.chart(spec); err != nil {
			response.Failures = []*pulumirpc.CheckFailure{{
				Property: "chart",
				Reason:   fmt.Sprintf("%v; check the chart name and repository configuration.", err),
			}}
		} else {
			asked["version"] = resource.NewStringProperty(chart.Metadata.Version)
		}
	}
	response.Inputs, err = pack(asked)
	return response, err
}

// askedBefore are the inputs of the last `up`, kept in the state.
func askedBefore(state resource.PropertyMap) resource.PropertyMap {
	inputs := state["__inputs"]
	if inputs.IsSecret() {
		inputs = inputs.SecretValue().Element
	}
	if inputs.IsObject() {
		return inputs.ObjectValue()
	}
	return nil
}

func diffRelease(req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	found, err := newChanges([][]string{{"name"}, {"namespace"}}, req.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	found.compare(nil, plainMap(askedBefore(olds)), plainMap(news), plainMap(olds))
	return found.response(false), nil
}

// releaseState is what is asked, laid open and once more, as a secret, in `__inputs`.
func releaseState(asked resource.PropertyMap) resource.PropertyMap {
	state := maps.Clone(asked)
	state["__inputs"] = resource.MakeSecret(resource.NewObjectProperty(asked))
	return state
}

func previewed(asked resource.PropertyMap) (*structpb.Struct, error) {
	state := releaseState(asked)
	for _, key := range []resource.PropertyKey{"resourceNames", "status"} {
		state[key] = resource.MakeComputed(resource.NewStringProperty(""))
	}
	return pack(state)
}

// readRelease sees the latest revision's values and version, and nothing of the objects themselves.
func (k *kubernetes) readRelease(req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	olds, err := unpack(req.GetProperties())
	if err != nil {
		return nil, malformed(err)
	}
	namespace, name := split(req.GetId())
	helm, err := k.helm(namespace)
	if err != nil {
		return nil, err
	}
	latest, err := helm.Releases.Last(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return &pulumirpc.ReadResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	asked := askedBefore(olds)
	if asked == nil {
		// Without a state it is an import: the release says itself what was asked.
		asked, err = filled(resource.PropertyMap{
			"name": resource.NewStringProperty(name), "namespace": resource.NewStringProperty(namespace),
			"chart":   resource.NewStringProperty(latest.Chart.Metadata.Name),
			"version": resource.NewStringProperty(latest.Chart.Metadata.Version),
			"values":  resource.NewObjectProperty(resource.NewPropertyMapFromMap(latest.Config)),
		}, namespace)
		if err != nil {
			return nil, err
		}
	}
	state := releaseState(asked)
	var before releaseSpec
	if err := decode(olds, &before); err != nil {
		return nil, malformed(err)
	}
	live := resource.NewPropertyMapFromMap(chartutil.CoalesceTables(chartutil.Values(latest.Config), before.Values))
	if given := asked["values"]; given.IsObject() {
		markSecrets(live, given.ObjectValue())
	}
	state["values"] = resource.NewObjectProperty(live)
	if asked["values"].IsSecret() {
		state["values"] = resource.MakeSecret(state["values"])
	}
	if err := released(state, latest); err != nil {
		return nil, err
	}
	packed, err := pack(state)
	if err != nil {
		return nil, err
	}
	inputs, err := pack(asked)
	return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: packed, Inputs: inputs}, err
}
