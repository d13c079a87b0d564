package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"

	"github.com/google/uuid"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"golang.org/x/crypto/bcrypt"
	"google.golang.org/protobuf/types/known/emptypb"
)

// random makes values once and keeps them in the stack's state: every change of an input is a new one.
type random struct{ *base }

// randomSpec are the inputs of all kinds; each uses its own.
type randomSpec struct {
	Length          int    `json:"length"`
	Lower           *bool  `json:"lower"`
	Upper           *bool  `json:"upper"`
	Number          *bool  `json:"number"`
	Numeric         *bool  `json:"numeric"`
	Special         *bool  `json:"special"`
	MinLower        int    `json:"minLower"`
	MinUpper        int    `json:"minUpper"`
	MinNumeric      int    `json:"minNumeric"`
	MinSpecial      int    `json:"minSpecial"`
	OverrideSpecial string `json:"overrideSpecial"`
	ByteLength      int    `json:"byteLength"`
	Prefix          string `json:"prefix"`
	Min             int64  `json:"min"`
	Max             int64  `json:"max"`
}

func (r *random) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

func (r *random) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	r.announce()
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, nil
}

// required are the inputs that a kind cannot do without.
var required = map[string][]resource.PropertyKey{
	"random:index/randomPassword:RandomPassword": {"length"},
	"random:index/randomString:RandomString":     {"length"},
	"random:index/randomId:RandomId":             {"byteLength"},
	"random:index/randomInteger:RandomInteger":   {"min", "max"},
	"random:index/randomUuid:RandomUuid":         nil,
}

func (r *random) Check(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	kind := string(resource.URN(req.GetUrn()).Type())
	needs, served := required[kind]
	if !served {
		return nil, r.refused("resource", kind)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	response := &pulumirpc.CheckResponse{Inputs: req.GetNews()}
	for _, key := range needs {
		if !news.HasValue(key) {
			response.Failures = append(response.Failures,
				&pulumirpc.CheckFailure{Property: string(key), Reason: "Missing required argument"})
		}
	}
	if len(response.Failures) == 0 && !news.ContainsUnknowns() {
		if _, err := r.generate(kind, news); err != nil {
			response.Failures = []*pulumirpc.CheckFailure{{Reason: err.Error()}}
		}
	}
	return response, nil
}

func (r *random) Diff(_ context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	olds, err := unpack(req.GetOldInputs())
	if err != nil {
		return nil, malformed(err)
	}
	news, err := unpack(req.GetNews())
	if err != nil {
		return nil, malformed(err)
	}
	before, now := plainMap(olds), plainMap(news)
	forced := [][]string{}
	for key := range before {
		forced = append(forced, []string{key})
	}
	for key := range now {
		forced = append(forced, []string{key})
	}
	found, err := newChanges(forced, req.GetIgnoreChanges())
	if err != nil {
		return nil, err
	}
	found.compare(nil, before, now, before)
	return found.response(false), nil
}

func (r *random) Create(_ context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	inputs, err := unpack(req.GetProperties())
	if err != nil {
		return nil, malformed(err)
	}
	kind := string(resource.URN(req.GetUrn()).Type())
	if req.GetPreview() {
		for _, output := range []resource.PropertyKey{"result", "bcryptHash", "b64Std", "b64Url", "dec", "hex"} {
			inputs[output] = resource.MakeComputed(resource.NewStringProperty(""))
		}
		state, err := pack(inputs)
		return &pulumirpc.CreateResponse{Properties: state}, err
	}
	made, err := r.generate(kind, inputs)
	if err != nil {
		return nil, err
	}
	for key, value := range made.outputs {
		inputs[key] = value
	}
	state, err := pack(inputs)
	return &pulumirpc.CreateResponse{Id: made.id, Properties: state}, err
}

func (r *random) Update(_ context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	return nil, fmt.Errorf("%s: a random value is never updated, only replaced", req.GetUrn())
}

func (r *random) Delete(context.Context, *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// made is one generated resource.
type made struct {
	id      string
	outputs resource.PropertyMap
}

func (r *random) generate(kind string, inputs resource.PropertyMap) (made, error) {
	var spec randomSpec
	if err := decode(inputs, &spec); err != nil {
		return made{}, malformed(err)
	}
	text := resource.NewStringProperty
	switch kind {
	case "random:index/randomPassword:RandomPassword", "random:index/randomString:RandomString":
		result, err := spec.text()
		if err != nil {
			return made{}, err
		}
		return ofText(kind, spec, result)
	case "random:index/randomId:RandomId":
		bytes := make([]byte, spec.ByteLength)
		_, _ = rand.Read(bytes)
		id := base64.RawURLEncoding.EncodeToString(bytes)
		return made{id, resource.PropertyMap{
			"b64Url": text(spec.Prefix + id),
			"b64Std": text(spec.Prefix + base64.StdEncoding.EncodeToString(bytes)),
			"hex":    text(spec.Prefix + hex.EncodeToString(bytes)),
			"dec":    text(spec.Prefix + new(big.Int).SetBytes(bytes).String()),
		}}, nil
	case "random:index/randomInteger:RandomInteger":
		if spec.Max < spec.Min {
			return made{}, fmt.Errorf("max is %d: accepted is min (%d) or more", spec.Max, spec.Min)
		}
		chosen := spec.Min + below64(spec.Max-spec.Min+1)
		return made{fmt.Sprint(chosen), resource.PropertyMap{"result": resource.NewNumberProperty(float64(chosen))}}, nil
	case "random:index/randomUuid:RandomUuid":
		result := uuid.NewString()
		return made{result, resource.PropertyMap{"result": text(result)}}, nil
	}
	return made{}, r.refused("resource", kind)
}

func ofText(kind string, spec randomSpec, result string) (made, error) {
	outputs := spec.defaults()
	outputs["result"] = resource.NewStringProperty(result)
	if kind == "random:index/randomString:RandomString" {
		return made{result, outputs}, nil
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(result)[:min(len(result), 72)], bcrypt.DefaultCost)
	if err != nil {
		return made{}, err
	}
	outputs["result"] = resource.MakeSecret(outputs["result"])
	outputs["bcryptHash"] = resource.MakeSecret(resource.NewStringProperty(string(hash)))
	return made{"none", outputs}, nil
}
