// Command pulumi-generate-python writes the Python SDK of a package, from its schema on standard input into a folder.
//
// It is Pulumi's own generator. `pulumi package gen-sdk` asks the language host for it, and the host that can be
// had as a Go module (see lab/tools.py) is older than that.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

func main() {
	if len(os.Args) != 2 {
		fail("usage: pulumi-generate-python FOLDER < schema.json")
	}
	if err := generate(os.Args[1]); err != nil {
		fail(err.Error())
	}
}

func generate(folder string) error {
	var spec schema.PackageSpec
	if err := json.NewDecoder(os.Stdin).Decode(&spec); err != nil {
		return fmt.Errorf("reading the schema: %w", err)
	}
	bound, err := schema.ImportSpec(spec, nil, schema.ValidationOptions{})
	if err != nil {
		return fmt.Errorf("binding the schema: %w", err)
	}
	files, err := python.GeneratePackage("mlflow-lab", bound, nil, nil)
	if err != nil {
		return fmt.Errorf("generating: %w", err)
	}
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, "pulumi-generate-python:", why)
	os.Exit(1)
}
