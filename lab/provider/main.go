// Command provider stands in for Pulumi's plugins `kubernetes` and `random` on a machine that cannot
// download them. One program serves both: the name it is started by says which.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	base, err := newBase(args)
	if err != nil {
		return err
	}
	var server pulumirpc.ResourceProviderServer
	switch base.name {
	case "kubernetes":
		server = newKubernetes(base)
	case "random":
		server = &random{base: base}
	default:
		return fmt.Errorf("started as %q: accepted are pulumi-resource-kubernetes and pulumi-resource-random",
			filepath.Base(args[0]))
	}
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Init: func(srv *grpc.Server) error {
			pulumirpc.RegisterResourceProviderServer(srv, server)
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}

// version is what the plugin's folder (`resource-NAME-vVERSION`) says: the version the SDK asked for.
func version(program string) string {
	_, version, found := strings.Cut(filepath.Base(filepath.Dir(program)), "-v")
	if !found {
		return "0.0.0"
	}
	return version
}
