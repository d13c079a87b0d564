package main

import (
	"encoding/json"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
)

var keep = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true}

func unpack(properties *structpb.Struct) (resource.PropertyMap, error) {
	if properties == nil {
		return resource.PropertyMap{}, nil
	}
	return plugin.UnmarshalProperties(properties, keep)
}

func pack(properties resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(properties, keep)
}

// unknown stands for a value that a preview cannot know yet.
var unknown = resource.Computed{Element: resource.NewStringProperty("")}

func isUnknown(value any) bool {
	_, is := value.(resource.Computed)
	return is
}

// plain is a value without secrets' wrapping; what is not known yet becomes `unknown`.
func plain(value resource.PropertyValue) any {
	switch {
	case value.IsSecret():
		return plain(value.SecretValue().Element)
	case value.IsComputed(), value.IsOutput() && !value.OutputValue().Known:
		return unknown
	case value.IsOutput():
		return plain(value.OutputValue().Element)
	case value.IsObject():
		return plainMap(value.ObjectValue())
	case value.IsArray():
		items := []any{}
		for _, item := range value.ArrayValue() {
			items = append(items, plain(item))
		}
		return items
	case value.IsNumber() && value.NumberValue() == float64(int64(value.NumberValue())):
		return int64(value.NumberValue())
	}
	return value.V
}

func plainMap(properties resource.PropertyMap) map[string]any {
	out := map[string]any{}
	for key, value := range properties {
		if !value.IsNull() {
			out[string(key)] = plain(value)
		}
	}
	return out
}

// decode reads properties into a struct with JSON names; unknown values are left out.
func decode(properties resource.PropertyMap, into any) error {
	text, err := json.Marshal(known(plainMap(properties)))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// known drops every unknown value.
func known(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range value {
			if !isUnknown(item) {
				out[key] = known(item)
			}
		}
		return out
	case []any:
		out := []any{}
		for _, item := range value {
			if !isUnknown(item) {
				out = append(out, known(item))
			}
		}
		return out
	}
	return value
}

// markSecrets makes secret in `outs` what is secret at the same place in `ins`.
//
// What a Kubernetes Secret holds is always secret, however it was given.
func markSecrets(outs, ins resource.PropertyMap) {
	if kind := outs["kind"]; kind.IsString() && kind.StringValue() == "Secret" {
		for _, key := range []resource.PropertyKey{"data", "stringData"} {
			if held, found := outs[key]; found && !held.IsSecret() {
				outs[key] = resource.MakeSecret(held)
			}
		}
		return
	}
	for key, in := range ins {
		if out, found := outs[key]; found {
			outs[key] = marked(out, in)
		}
	}
}

func marked(out, in resource.PropertyValue) resource.PropertyValue {
	switch {
	case out.IsSecret():
	case in.IsSecret(), in.IsOutput() && in.OutputValue().Secret:
		return resource.MakeSecret(out)
	case out.IsObject() && in.IsObject():
		markSecrets(out.ObjectValue(), in.ObjectValue())
	case out.IsArray() && in.IsArray():
		for i := range min(len(out.ArrayValue()), len(in.ArrayValue())) {
			out.ArrayValue()[i] = marked(out.ArrayValue()[i], in.ArrayValue()[i])
		}
	}
	return out
}

// halfMade is the error of a resource that exists but is not ready: the engine keeps its state.
func halfMade(id string, cause error, state *structpb.Struct) error {
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, cause.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: id, Properties: state, Reasons: []string{cause.Error()},
	})
}

func malformed(err error) error {
	return fmt.Errorf("malformed resource properties: %w", err)
}
