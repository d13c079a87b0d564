package main

import (
	"maps"
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	type object = map[string]any
	limits := func(cpu any) object { return object{"limits": object{"cpu": cpu}} }
	for name, it := range map[string]struct {
		before, now, live any
		want              []string
	}{
		"nothing":             {object{"a": "1"}, object{"a": "1"}, object{"a": "1", "server": "2"}, nil},
		"changed":             {object{"a": "1"}, object{"a": "2"}, object{"a": "1"}, []string{"a"}},
		"drifted":             {object{"a": "1"}, object{"a": "1"}, object{"a": "9"}, []string{"a"}},
		"no longer asked":     {object{"a": "1"}, object{}, object{"a": "1"}, []string{"a"}},
		"never asked":         {object{}, object{}, object{"a": "1"}, nil},
		"already gone":        {object{"a": "1"}, object{}, object{}, nil},
		"unknown":             {object{"a": "1"}, object{"a": unknown}, object{"a": "1"}, []string{"a"}},
		"in a list":           {nil, object{"l": []any{object{"a": "2"}}}, object{"l": []any{object{"a": "1"}}}, []string{"l[0].a"}},
		"quantity rewritten":  {nil, limits("1000m"), limits("1"), nil},
		"quantity changed":    {nil, limits("1000m"), limits("2"), []string{"limits.cpu"}},
		"text like an amount": {nil, object{"a": "1000m"}, object{"a": "1"}, []string{"a"}},
		"empty dropped":       {nil, object{"a": object{}}, object{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := newChanges(nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			found.compare(nil, it.before, it.now, it.live)
			if got := slices.Sorted(maps.Keys(found.found)); !slices.Equal(got, it.want) {
				t.Errorf("changes at %v, want %v", got, it.want)
			}
		})
	}
}

func TestForcedAndIgnored(t *testing.T) {
	found, err := newChanges([][]string{{"metadata", "name"}}, []string{"spec.replicas"})
	if err != nil {
		t.Fatal(err)
	}
	found.compare(nil, nil,
		map[string]any{"metadata": map[string]any{"name": "b"}, "spec": map[string]any{"replicas": int64(2)}},
		map[string]any{"metadata": map[string]any{"name": "a"}, "spec": map[string]any{"replicas": int64(1)}})
	response := found.response(true)
	if !slices.Equal(response.Replaces, []string{"metadata.name"}) || len(found.found) != 1 {
		t.Errorf("changes %v, replaces %v", found.found, response.Replaces)
	}
}

func TestText(t *testing.T) {
	no := false
	spec := randomSpec{Length: 12, Special: &no, MinUpper: 12}
	text, err := spec.text()
	if err != nil || len(text) != 12 {
		t.Fatalf("%d characters, %v", len(text), err)
	}
	for _, character := range text {
		if character < 'A' || character > 'Z' {
			t.Errorf("%q is no capital", character)
		}
	}
	if _, err := (randomSpec{Length: 2, MinLower: 3}).text(); err == nil {
		t.Error("more characters required than asked: no error")
	}
}

func TestVersion(t *testing.T) {
	if got := version("/p/resource-kubernetes-v4.32.0/pulumi-resource-kubernetes"); got != "4.32.0" {
		t.Error(got)
	}
}
