package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// cluster is the way to the API server. Nothing of it is opened before it is needed: a preview without
// changes asks the server nothing about objects.
type cluster struct {
	settings  map[string]string
	namespace string
	discovery func() (discovery.CachedDiscoveryInterface, error)
}

func newCluster(settings map[string]string) *cluster {
	c := &cluster{settings: settings, namespace: settings["namespace"]}
	c.discovery = sync.OnceValues(func() (discovery.CachedDiscoveryInterface, error) {
		config, err := c.ToRESTConfig()
		if err != nil {
			return nil, err
		}
		client, err := discovery.NewDiscoveryClientForConfig(config)
		if err != nil {
			return nil, err
		}
		return memory.NewMemCacheClient(client), nil
	})
	if c.namespace == "" {
		if namespace, _, err := c.loader("").Namespace(); err == nil {
			c.namespace = namespace
		} else {
			c.namespace = "default"
		}
	}
	return c
}

// load reads a kubeconfig given as a path or as its contents.
func load(text string) (*api.Config, error) {
	if strings.Contains(text, "\n") || strings.HasPrefix(strings.TrimSpace(text), "{") {
		return clientcmd.Load([]byte(text))
	}
	if rest, home := strings.CutPrefix(text, "~/"); home {
		folder, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		text = filepath.Join(folder, rest)
	}
	return clientcmd.LoadFromFile(text)
}

// loader is the kubeconfig with the settings laid over it; `namespace` is where an object without one goes.
func (c *cluster) loader(namespace string) clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.settings["context"]}
	overrides.Context.Cluster = c.settings["cluster"]
	overrides.Context.Namespace = namespace
	if given := c.settings["kubeconfig"]; given != "" {
		config, err := load(given)
		if err != nil {
			return broken{err}
		}
		return clientcmd.NewDefaultClientConfig(*config, overrides)
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		clientcmd.NewDefaultClientConfigLoadingRules(), overrides)
}

// broken is a kubeconfig that cannot be read: the error waits until somebody needs the cluster.
type broken struct{ err error }

func (b broken) RawConfig() (api.Config, error)                  { return api.Config{}, b.err }
func (b broken) ClientConfig() (*rest.Config, error)             { return nil, b.err }
func (b broken) Namespace() (string, bool, error)                { return "", false, b.err }
func (b broken) ConfigAccess() clientcmd.ConfigAccess            { return nil }
func (c *cluster) ToRawKubeConfigLoader() clientcmd.ClientConfig { return c.loader("") }

func (c *cluster) ToRESTConfig() (*rest.Config, error) {
	config, err := c.loader("").ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NoWarnings{}
	return config, nil
}

func (c *cluster) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return c.discovery()
}

func (c *cluster) ToRESTMapper() (meta.RESTMapper, error) {
	client, err := c.discovery()
	if err != nil {
		return nil, err
	}
	return restmapper.NewDeferredDiscoveryRESTMapper(client), nil
}

// objects is the API's collection for a kind, in a namespace where the kind has them.
func (c *cluster) objects(kind schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	config, err := c.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	if builtIn(kind) {
		collection, _ := meta.UnsafeGuessKindToResource(kind)
		if clusterWide[kind.Kind] {
			return client.Resource(collection), nil
		}
		return client.Resource(collection).Namespace(namespace), nil
	}
	mapper, err := c.ToRESTMapper()
	if err != nil {
		return nil, err
	}
	mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return client.Resource(mapping.Resource), nil
	}
	return client.Resource(mapping.Resource).Namespace(namespace), nil
}

// active is the cluster that a provider's settings lead to.
func active(settings map[string]any) (*api.Cluster, bool) {
	text, _ := settings["kubeconfig"].(string)
	if text == "" {
		return nil, false
	}
	config, err := load(text)
	if err != nil {
		return nil, false
	}
	name := config.CurrentContext
	if chosen, _ := settings["context"].(string); chosen != "" {
		name = chosen
	}
	cluster, _ := settings["cluster"].(string)
	if context := config.Contexts[name]; cluster == "" && context != nil {
		cluster = context.Cluster
	}
	found := config.Clusters[cluster]
	if found == nil {
		return nil, false
	}
	found = found.DeepCopy()
	// The file it was read from says nothing about the cluster.
	found.LocationOfOrigin = ""
	return found, true
}
