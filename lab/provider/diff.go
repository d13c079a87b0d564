package main

import (
	"reflect"
	"slices"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/api/resource"
)

// changes collects what differs, by property path.
type changes struct {
	found map[string]*pulumirpc.PropertyDiff
	// forced are the paths a change of which, or below which, replaces the resource.
	forced [][]string
	// ignored are the paths (`ignoreChanges`) a change of which, or below which, does not count.
	ignored []sdk.PropertyPath
}

func newChanges(forced [][]string, ignore []string) (*changes, error) {
	c := &changes{found: map[string]*pulumirpc.PropertyDiff{}, forced: forced}
	for _, text := range ignore {
		path, err := sdk.ParsePropertyPath(text)
		if err != nil {
			return nil, err
		}
		c.ignored = append(c.ignored, path)
	}
	return c, nil
}

// compare goes through three maps: what was asked before, what is asked now, and what is there. A key
// counts when it is asked now and differs from what is there, or was asked before and no longer is.
func (c *changes) compare(path sdk.PropertyPath, before, now, live any) {
	nowMap, nowIs := now.(map[string]any)
	liveMap, liveIs := live.(map[string]any)
	if nowIs && liveIs {
		beforeMap, _ := before.(map[string]any)
		for key, value := range nowMap {
			c.compare(below(path, key), beforeMap[key], value, liveMap[key])
		}
		for key := range beforeMap {
			if _, asked := nowMap[key]; !asked && !empty(liveMap[key]) {
				c.add(below(path, key), pulumirpc.PropertyDiff_DELETE, pulumirpc.PropertyDiff_DELETE_REPLACE)
			}
		}
		return
	}
	nowList, nowIs := now.([]any)
	liveList, liveIs := live.([]any)
	if nowIs && liveIs && len(nowList) == len(liveList) {
		beforeList, _ := before.([]any)
		for i := range nowList {
			var was any
			if i < len(beforeList) {
				was = beforeList[i]
			}
			c.compare(below(path, i), was, nowList[i], liveList[i])
		}
		return
	}
	switch {
	case same(path, now, live):
	case live == nil:
		c.add(path, pulumirpc.PropertyDiff_ADD, pulumirpc.PropertyDiff_ADD_REPLACE)
	default:
		c.add(path, pulumirpc.PropertyDiff_UPDATE, pulumirpc.PropertyDiff_UPDATE_REPLACE)
	}
}

func below(path sdk.PropertyPath, key any) sdk.PropertyPath {
	return append(slices.Clone(path), key)
}

func (c *changes) add(path sdk.PropertyPath, kind, replace pulumirpc.PropertyDiff_Kind) {
	for _, ignored := range c.ignored {
		if ignored.Contains(path) {
			return
		}
	}
	if c.forces(path) {
		kind = replace
	}
	c.found[path.String()] = &pulumirpc.PropertyDiff{Kind: kind}
}

func (c *changes) forces(path sdk.PropertyPath) bool {
	return slices.ContainsFunc(c.forced, func(forced []string) bool {
		if len(path) < len(forced) {
			return false
		}
		for i, key := range forced {
			if path[i] != key {
				return false
			}
		}
		return true
	})
}

func (c *changes) replaces() []string {
	var out []string
	for path, change := range c.found {
		switch change.Kind {
		case pulumirpc.PropertyDiff_ADD_REPLACE, pulumirpc.PropertyDiff_DELETE_REPLACE,
			pulumirpc.PropertyDiff_UPDATE_REPLACE:
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func (c *changes) response(deleteFirst bool) *pulumirpc.DiffResponse {
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, DetailedDiff: c.found, HasDetailedDiff: true,
	}
	if len(c.found) > 0 {
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		response.Replaces = c.replaces()
		response.DeleteBeforeReplace = deleteFirst && len(response.Replaces) > 0
	}
	return response
}

// amounts are the keys below which the API server writes quantities its own way ("1000m" comes back as "1").
var amounts = []any{"limits", "requests", "hard", "capacity", "sizeLimit"}

func same(path sdk.PropertyPath, a, b any) bool {
	if isUnknown(a) || isUnknown(b) {
		return false
	}
	if reflect.DeepEqual(a, b) || empty(a) && empty(b) {
		return true
	}
	if !slices.ContainsFunc(path, func(key any) bool { return slices.Contains(amounts, key) }) {
		return false
	}
	left, leftIs := quantity(a)
	right, rightIs := quantity(b)
	return leftIs && rightIs && left.Cmp(right) == 0
}

func quantity(value any) (resource.Quantity, bool) {
	switch value := value.(type) {
	case string:
		parsed, err := resource.ParseQuantity(value)
		return parsed, err == nil
	case int64:
		return *resource.NewQuantity(value, resource.DecimalSI), true
	}
	return resource.Quantity{}, false
}

func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	}
	return false
}
