package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

// releaseSpec are the inputs of a Release that have an effect.
type releaseSpec struct {
	Atomic                   bool           `json:"atomic"`
	Chart                    string         `json:"chart"`
	CleanupOnFail            bool           `json:"cleanupOnFail"`
	CreateNamespace          bool           `json:"createNamespace"`
	DependencyUpdate         bool           `json:"dependencyUpdate"`
	Description              string         `json:"description"`
	Devel                    bool           `json:"devel"`
	DisableCRDHooks          bool           `json:"disableCRDHooks"`
	DisableOpenapiValidation bool           `json:"disableOpenapiValidation"`
	DisableWebhooks          bool           `json:"disableWebhooks"`
	ForceUpdate              bool           `json:"forceUpdate"`
	Keyring                  string         `json:"keyring"`
	MaxHistory               int            `json:"maxHistory"`
	Name                     string         `json:"name"`
	Namespace                string         `json:"namespace"`
	RecreatePods             bool           `json:"recreatePods"`
	RenderSubchartNotes      bool           `json:"renderSubchartNotes"`
	Replace                  bool           `json:"replace"`
	RepositoryOpts           repository     `json:"repositoryOpts"`
	ResetValues              bool           `json:"resetValues"`
	ReuseValues              bool           `json:"reuseValues"`
	SkipAwait                bool           `json:"skipAwait"`
	SkipCrds                 bool           `json:"skipCrds"`
	Timeout                  int            `json:"timeout"`
	Values                   map[string]any `json:"values"`
	Verify                   bool           `json:"verify"`
	Version                  string         `json:"version"`
	WaitForJobs              bool           `json:"waitForJobs"`
}

// repository is where a chart comes from, and how to log in there.
type repository struct {
	CAFile   string `json:"caFile"`
	CertFile string `json:"certFile"`
	KeyFile  string `json:"keyFile"`
	Password string `json:"password"`
	Repo     string `json:"repo"`
	Username string `json:"username"`
}

func (s releaseSpec) id() string { return s.Namespace + "/" + s.Name }

// limit is Helm's wait, 300 seconds unless told.
func (s releaseSpec) limit() time.Duration {
	return time.Duration(cmp.Or(s.Timeout, 300)) * time.Second
}

// optional are the inputs without a default; every other one is always in the state.
var optional = []resource.PropertyKey{"maxHistory", "repositoryOpts"}

var flags = []resource.PropertyKey{
	"allowNullValues", "atomic", "cleanupOnFail", "createNamespace", "dependencyUpdate", "devel",
	"disableCRDHooks", "disableOpenapiValidation", "disableWebhooks", "forceUpdate", "lint", "recreatePods",
	"renderSubchartNotes", "replace", "resetValues", "reuseValues", "skipAwait", "skipCrds", "verify",
	"waitForJobs",
}

var texts = []resource.PropertyKey{"chart", "description", "keyring", "name", "namespace", "postrender", "version"}

// filled is what was asked with every default written out, and nothing that a Release does not know.
func filled(news resource.PropertyMap, namespace string) (resource.PropertyMap, error) {
	out := resource.PropertyMap{"values": resource.NewObjectProperty(resource.PropertyMap{})}
	for _, key := range flags {
		out[key] = resource.NewBoolProperty(false)
	}
	for _, key := range texts {
		out[key] = resource.NewStringProperty("")
	}
	out["timeout"] = resource.NewNumberProperty(300)
	if skip := news["skipAwait"]; skip.IsBool() && skip.BoolValue() {
		out["timeout"] = resource.NewNumberProperty(0)
	}
	for _, key := range append(slices.Collect(keysOf(out)), optional...) {
		if given, found := news[key]; found && !given.IsNull() {
			out[key] = given
		}
	}
	if given := out["repositoryOpts"]; given.IsObject() {
		login := given.ObjectValue().Copy()
		for _, key := range []resource.PropertyKey{"caFile", "certFile", "keyFile", "password", "repo", "username"} {
			if !login.HasValue(key) {
				login[key] = resource.NewStringProperty("")
			}
		}
		out["repositoryOpts"] = resource.NewObjectProperty(login)
	}
	if given := out["namespace"]; given.IsString() && given.StringValue() == "" {
		out["namespace"] = resource.NewStringProperty(namespace)
	}
	files, err := valueFiles(news["valueYamlFiles"])
	if err != nil || len(files) == 0 {
		return out, err
	}
	var given map[string]any
	if err := decode(resource.PropertyMap{"values": out["values"]}, &struct {
		Values *map[string]any `json:"values"`
	}{&given}); err != nil {
		return nil, err
	}
	merged := chartutil.CoalesceTables(given, files)
	values := resource.NewPropertyMapFromMap(merged)
	if asked := out["values"]; asked.IsObject() {
		markSecrets(values, asked.ObjectValue())
	}
	out["values"] = resource.NewObjectProperty(values)
	return out, nil
}

func keysOf(properties resource.PropertyMap) func(func(resource.PropertyKey) bool) {
	return func(yield func(resource.PropertyKey) bool) {
		for key := range properties {
			if !yield(key) {
				return
			}
		}
	}
}

// valueFiles reads `valueYamlFiles`, the later over the earlier.
func valueFiles(files resource.PropertyValue) (map[string]any, error) {
	out := map[string]any{}
	if !files.IsArray() {
		return out, nil
	}
	for _, file := range files.ArrayValue() {
		if !file.IsAsset() {
			return nil, fmt.Errorf("valueYamlFiles: accepted are assets (a FileAsset), not %s", file.TypeString())
		}
		text, err := file.AssetValue().Bytes()
		if err != nil {
			return nil, err
		}
		values := map[string]any{}
		if err := yaml.Unmarshal(text, &values); err != nil {
			return nil, fmt.Errorf("valueYamlFiles: %w", err)
		}
		out = chartutil.CoalesceTables(values, out)
	}
	return out, nil
}

// released adds to a state what Helm knows of the release.
func released(state resource.PropertyMap, found *release.Release) error {
	names := map[string]any{}
	for _, manifest := range releaseutil.SplitManifests(found.Manifest) {
		var object struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Metadata   struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal([]byte(manifest), &object); err != nil {
			return err
		}
		if object.Kind == "" {
			continue
		}
		key := object.Kind
		if group := filepath.Dir(object.APIVersion); group != "." {
			key += "." + group
		}
		key += "/" + object.APIVersion
		name := object.Metadata.Name
		if object.Metadata.Namespace != "" {
			name = object.Metadata.Namespace + "/" + name
		}
		list, _ := names[key].([]any)
		names[key] = append(list, name)
	}
	for _, list := range names {
		slices.SortFunc(list.([]any), func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	}
	metadata := found.Chart.Metadata
	state["resourceNames"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(names))
	state["version"] = resource.NewStringProperty(metadata.Version)
	state["status"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(map[string]any{
		"appVersion": metadata.AppVersion, "chart": metadata.Name, "version": metadata.Version,
		"name": found.Name, "namespace": found.Namespace, "revision": found.Version,
		"status": found.Info.Status.String(),
	}))
	return nil
}

func defaultKeyring() string { return os.ExpandEnv("$HOME/.gnupg/pubring.gpg") }
