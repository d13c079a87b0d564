package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/cli"
	"helm.sh/helm/v3/pkg/registry"
	"k8s.io/client-go/tools/clientcmd"
)

// inNamespace is the cluster as a release sees it: objects without a namespace go to the release's own.
type inNamespace struct {
	*cluster
	namespace string
}

func (i inNamespace) ToRawKubeConfigLoader() clientcmd.ClientConfig { return i.loader(i.namespace) }

// helm is Helm's library, ready for the releases of one namespace.
func (k *kubernetes) helm(namespace string) (*action.Configuration, error) {
	config := new(action.Configuration)
	quiet := func(string, ...any) {}
	if err := config.Init(inNamespace{k.cluster, namespace}, namespace, os.Getenv("HELM_DRIVER"), quiet); err != nil {
		return nil, err
	}
	client, err := registry.NewClient(
		registry.ClientOptEnableCache(true), registry.ClientOptCredentialsFile(cli.New().RegistryConfig))
	config.RegistryClient = client
	return config, err
}

// chart is the chart of a release, pulled once in the life of the plugin, and where its file is.
func (k *kubernetes) chart(spec releaseSpec) (*chart.Chart, string, error) {
	if spec.DependencyUpdate {
		return nil, "", k.refused("Release input", "dependencyUpdate")
	}
	key := spec.Chart + " " + spec.Version + " " + spec.RepositoryOpts.Repo
	k.pulling.Lock()
	defer k.pulling.Unlock()
	if path, found := k.charts[key]; found {
		loaded, err := loader.Load(path)
		return loaded, path, err
	}
	path, err := locate(spec)
	if err != nil {
		return nil, "", err
	}
	loaded, err := loader.Load(path)
	if err != nil {
		return nil, "", err
	}
	if missing := action.CheckDependencies(loaded, loaded.Metadata.Dependencies); missing != nil {
		return nil, "", fmt.Errorf("chart %q: %w", spec.Chart, missing)
	}
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" {
		return nil, "", fmt.Errorf("chart %q is a %q chart: accepted is \"application\"", spec.Chart, kind)
	}
	k.charts[key] = path
	return loaded, path, nil
}

func locate(spec releaseSpec) (string, error) {
	options := action.ChartPathOptions{
		CaFile: spec.RepositoryOpts.CAFile, CertFile: spec.RepositoryOpts.CertFile,
		KeyFile: spec.RepositoryOpts.KeyFile, RepoURL: spec.RepositoryOpts.Repo,
		Username: spec.RepositoryOpts.Username, Password: spec.RepositoryOpts.Password,
		Keyring: spec.Keyring, Verify: spec.Verify, Version: spec.Version,
	}
	if options.Version == "" && spec.Devel {
		options.Version = ">0.0.0-0"
	}
	settings := cli.New()
	choices := []registry.ClientOption{registry.ClientOptCredentialsFile(settings.RegistryConfig)}
	if options.Username != "" && options.Password != "" {
		// A login that is given stays in the memory of this program, out of the person's own store.
		folder, err := os.MkdirTemp("", "registry-")
		if err != nil {
			return "", err
		}
		defer func() { _ = os.RemoveAll(folder) }()
		choices = []registry.ClientOption{
			registry.ClientOptCredentialsFile(filepath.Join(folder, "config.json")),
			registry.ClientOptBasicAuth(options.Username, options.Password),
		}
		if options.CaFile != "" {
			trusting, err := trusting(options.CaFile)
			if err != nil {
				return "", err
			}
			choices = append(choices, registry.ClientOptHTTPClient(trusting))
		}
	}
	client, err := registry.NewClient(choices...)
	if err != nil {
		return "", err
	}
	install := action.NewInstall(&action.Configuration{RegistryClient: client})
	install.ChartPathOptions = options
	install.SetRegistryClient(client)
	return install.LocateChart(spec.Chart, settings)
}

// trusting is an HTTP client that accepts certificates of this authority beside the system's.
func trusting(file string) (*http.Client, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("repositoryOpts.caFile: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("repositoryOpts.caFile %q: accepted is a file of PEM certificates", file)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: transport}, nil
}
