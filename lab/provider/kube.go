package main

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

const releaseType = "kubernetes:helm.sh/v3:Release"

// kubernetes serves every kind of object by the API's own means, and Helm's releases by Helm's library.
type kubernetes struct {
	*base
	cluster *cluster
	pulling sync.Mutex
	// charts are the files of the charts pulled so far; each use loads its own, for Helm writes into it.
	charts map[string]string
}

func newKubernetes(b *base) *kubernetes {
	return &kubernetes{base: b, cluster: &cluster{}, charts: map[string]string{}}
}

// unserved are the provider's settings that the stand-in does not have; left alone they change nothing.
var unserved = []string{"renderYamlToDirectory", "kubeClientSettings", "clusterIdentifier", "alwaysRender"}

func (k *kubernetes) Configure(
	_ context.Context, req *pulumirpc.ConfigureRequest,
) (*pulumirpc.ConfigureResponse, error) {
	settings := map[string]string{}
	for key, value := range req.GetVariables() {
		settings[strings.TrimPrefix(key, "kubernetes:config:")] = value
	}
	for _, key := range unserved {
		if settings[key] != "" && settings[key] != "false" {
			return nil, fmt.Errorf("provider setting %s: the lab's stand-in does not have it; leave it out, "+
				"or install the official plugin", key)
		}
	}
	if settings["enableServerSideApply"] == "false" {
		return nil, fmt.Errorf("provider setting enableServerSideApply is false: " +
			"the lab's stand-in accepts true only (the default)")
	}
	k.cluster = newCluster(settings)
	k.announce()
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

// DiffConfig replaces what the provider made when its kubeconfig leads to another cluster.
func (k *kubernetes) DiffConfig(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := unpack(req.GetOlds())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	before, now := plainMap(olds), plainMap(news)
	keys := maps.Clone(before)
	maps.Copy(keys, now)
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	for key := range keys {
		if key != "version" && !reflect.DeepEqual(before[key], now[key]) {
			response.Changes = pulumirpc.DiffResponse_DIFF_SOME
			response.Diffs = append(response.Diffs, key)
		}
	}
	slices.Sort(response.Diffs)
	if another(before, now) {
		for _, key := range []string{"cluster", "context", "kubeconfig"} {
			if slices.Contains(response.Diffs, key) {
				response.Replaces = append(response.Replaces, key)
			}
		}
	}
	return response, nil
}

func another(before, now map[string]any) bool {
	for _, key := range []string{"cluster", "context", "kubeconfig"} {
		if isUnknown(now[key]) {
			return true
		}
	}
	was, wasFound := active(before)
	is, isFound := active(now)
	return wasFound && isFound && !reflect.DeepEqual(was, is)
}

func (k *kubernetes) Check(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return k.checkRelease(ctx, req)
	}
	return k.checkObject(req)
}

func (k *kubernetes) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return diffRelease(req)
	}
	return diffObject(req)
}

func (k *kubernetes) Create(_ context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return k.createRelease(req)
	}
	return k.createObject(req)
}

func (k *kubernetes) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return k.readRelease(req)
	}
	return k.readObject(req)
}

func (k *kubernetes) Update(_ context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return k.updateRelease(req)
	}
	return k.updateObject(req)
}

func (k *kubernetes) Delete(_ context.Context, req *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	if kindOf(req.GetUrn()) == releaseType {
		return &emptypb.Empty{}, k.deleteRelease(req)
	}
	return &emptypb.Empty{}, k.deleteObject(req)
}

func kindOf(urn string) string { return string(resource.URN(urn).Type()) }
