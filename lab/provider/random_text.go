package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

const (
	lowers   = "abcdefghijklmnopqrstuvwxyz"
	uppers   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
	specials = "!@#$%&*()-_=+[]{}<>:?"
)

// below64 is a number from 0 to limit-1, each as likely as the other.
func below64(limit int64) int64 {
	// crypto/rand ends the program rather than fail.
	chosen, _ := rand.Int(rand.Reader, big.NewInt(limit))
	return chosen.Int64()
}

func yes(setting *bool) bool { return setting == nil || *setting }

// classes are the sets of characters to choose from, each with how many of it there must be.
func (s randomSpec) classes() map[string]int {
	special := specials
	if s.OverrideSpecial != "" {
		special = s.OverrideSpecial
	}
	out := map[string]int{}
	for characters, class := range map[string]struct {
		wanted bool
		least  int
	}{
		lowers:  {yes(s.Lower), s.MinLower},
		uppers:  {yes(s.Upper), s.MinUpper},
		digits:  {yes(s.Number) && yes(s.Numeric), s.MinNumeric},
		special: {yes(s.Special), s.MinSpecial},
	} {
		if class.wanted {
			out[characters] = class.least
		}
	}
	return out
}

func (s randomSpec) text() (string, error) {
	var all string
	var out []byte
	for characters, least := range s.classes() {
		all += characters
		for range least {
			out = append(out, characters[below64(int64(len(characters)))])
		}
	}
	if all == "" {
		return "", fmt.Errorf("lower, upper, numeric and special are all false: accepted is at least one true")
	}
	if s.Length < max(1, len(out)) {
		return "", fmt.Errorf("length is %d: accepted is %d or more", s.Length, max(1, len(out)))
	}
	for len(out) < s.Length {
		out = append(out, all[below64(int64(len(all)))])
	}
	for i := len(out) - 1; i > 0; i-- {
		j := below64(int64(i + 1))
		out[i], out[j] = out[j], out[i]
	}
	return string(out), nil
}

// defaults are the outputs that repeat the inputs, those left out included.
func (s randomSpec) defaults() resource.PropertyMap {
	number, flag := resource.NewNumberProperty, resource.NewBoolProperty
	return resource.PropertyMap{
		"length": number(float64(s.Length)),
		"lower":  flag(yes(s.Lower)), "upper": flag(yes(s.Upper)), "special": flag(yes(s.Special)),
		"number":   flag(yes(s.Number) && yes(s.Numeric)),
		"numeric":  flag(yes(s.Number) && yes(s.Numeric)),
		"minLower": number(float64(s.MinLower)), "minUpper": number(float64(s.MinUpper)),
		"minNumeric": number(float64(s.MinNumeric)), "minSpecial": number(float64(s.MinSpecial)),
	}
}

// Read keeps what the state says; without a state it is an import, and the id is the password itself.
func (r *random) Read(_ context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	if len(req.GetProperties().GetFields()) > 0 {
		return &pulumirpc.ReadResponse{Id: req.GetId(), Properties: req.GetProperties(), Inputs: req.GetInputs()}, nil
	}
	kind := string(resource.URN(req.GetUrn()).Type())
	if kind != "random:index/randomPassword:RandomPassword" && kind != "random:index/randomString:RandomString" {
		return nil, r.refused("import of", kind)
	}
	spec := randomSpec{Length: len(req.GetId())}
	made, err := ofText(kind, spec, req.GetId())
	if err != nil {
		return nil, err
	}
	state, err := pack(made.outputs)
	if err != nil {
		return nil, err
	}
	inputs := spec.defaults()
	delete(inputs, "number")
	packed, err := pack(inputs)
	return &pulumirpc.ReadResponse{Id: made.id, Properties: state, Inputs: packed}, err
}
