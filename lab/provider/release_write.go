package main

import (
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
)

func (k *kubernetes) createRelease(req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	asked, spec, err := releaseFrom(req.GetProperties())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		state, err := previewed(asked)
		return &pulumirpc.CreateResponse{Properties: state}, err
	}
	made, failed := k.install(spec)
	if failed != nil && (made == nil || !k.exists(spec)) {
		return nil, failed
	}
	state, err := finished(asked, made)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		k.log(pulumirpc.LogSeverity_WARNING, req.GetUrn(), fmt.Sprintf("Helm release %q was created but has a "+
			"failed status. Use the `helm` command to investigate the error, correct it, then retry. Reason: %v",
			spec.Name, failed))
		return nil, halfMade(spec.id(), fmt.Errorf("Helm release %q was created, but failed to initialize "+
			"completely. Use Helm CLI to investigate: %w", spec.id(), lateFailure(spec, failed)), state)
	}
	return &pulumirpc.CreateResponse{Id: spec.id(), Properties: state}, nil
}

func (k *kubernetes) updateRelease(req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	asked, spec, err := releaseFrom(req.GetNews())
	if err != nil {
		return nil, err
	}
	if req.GetPreview() {
		state, err := previewed(asked)
		return &pulumirpc.UpdateResponse{Properties: state}, err
	}
	made, failed := k.upgrade(spec)
	if failed != nil && made == nil {
		return nil, failed
	}
	state, err := finished(asked, made)
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, halfMade(spec.id(), fmt.Errorf("Helm release %q failed to initialize completely. Use Helm CLI "+
			"to investigate: %w", spec.id(), lateFailure(spec, failed)), state)
	}
	return &pulumirpc.UpdateResponse{Properties: state}, nil
}

func lateFailure(spec releaseSpec, cause error) error {
	return fmt.Errorf("failed to become available within allocated timeout. Error: Helm Release %s: %w", spec.id(), cause)
}

func releaseFrom(properties *structpb.Struct) (resource.PropertyMap, releaseSpec, error) {
	var spec releaseSpec
	asked, err := unpack(properties)
	if err != nil {
		return nil, spec, malformed(err)
	}
	if err := decode(asked, &spec); err != nil {
		return nil, spec, malformed(err)
	}
	return asked, spec, nil
}

func finished(asked resource.PropertyMap, made *release.Release) (*structpb.Struct, error) {
	state := releaseState(asked)
	if err := released(state, made); err != nil {
		return nil, err
	}
	return pack(state)
}

func (k *kubernetes) install(spec releaseSpec) (*release.Release, error) {
	helm, err := k.helm(spec.Namespace)
	if err != nil {
		return nil, err
	}
	chart, _, err := k.chart(spec)
	if err != nil {
		return nil, err
	}
	client := action.NewInstall(helm)
	client.ReleaseName, client.Namespace, client.CreateNamespace = spec.Name, spec.Namespace, spec.CreateNamespace
	client.Wait, client.WaitForJobs = !spec.SkipAwait, !spec.SkipAwait && spec.WaitForJobs
	client.Atomic, client.Replace = spec.Atomic, spec.Replace
	client.DisableHooks, client.SkipCRDs = spec.DisableWebhooks, spec.SkipCrds
	client.DisableOpenAPIValidation = spec.DisableOpenapiValidation
	client.Description, client.SubNotes = spec.Description, spec.RenderSubchartNotes
	client.Timeout = spec.limit()
	return client.RunWithContext(k.ctx, chart, spec.Values)
}

func (k *kubernetes) upgrade(spec releaseSpec) (*release.Release, error) {
	helm, err := k.helm(spec.Namespace)
	if err != nil {
		return nil, err
	}
	chart, _, err := k.chart(spec)
	if err != nil {
		return nil, err
	}
	client := action.NewUpgrade(helm)
	client.Namespace = spec.Namespace
	client.Wait, client.WaitForJobs = !spec.SkipAwait, !spec.SkipAwait && spec.WaitForJobs
	client.Atomic, client.CleanupOnFail, client.Force = spec.Atomic, spec.CleanupOnFail, spec.ForceUpdate
	client.ResetValues, client.ReuseValues = spec.ResetValues, spec.ReuseValues
	client.DisableHooks, client.Recreate = spec.DisableCRDHooks, spec.RecreatePods
	client.MaxHistory = spec.MaxHistory
	client.Description, client.SubNotes = spec.Description, spec.RenderSubchartNotes
	client.Timeout = spec.limit()
	return client.RunWithContext(k.ctx, spec.Name, chart, spec.Values)
}

func (k *kubernetes) exists(spec releaseSpec) bool {
	helm, err := k.helm(spec.Namespace)
	if err != nil {
		return false
	}
	_, err = helm.Releases.Last(spec.Name)
	return err == nil
}

// deleteRelease fails when the release is already gone, as Helm does: refresh first.
func (k *kubernetes) deleteRelease(req *pulumirpc.DeleteRequest) error {
	_, spec, err := releaseFrom(req.GetProperties())
	if err != nil {
		return err
	}
	helm, err := k.helm(spec.Namespace)
	if err != nil {
		return err
	}
	client := action.NewUninstall(helm)
	client.Wait, client.Timeout = spec.Atomic || !spec.SkipAwait, spec.limit()
	done := make(chan error, 1)
	go func() {
		answer, err := client.Run(spec.Name)
		if err == nil && answer.Info != "" {
			k.log(pulumirpc.LogSeverity_WARNING, req.GetUrn(),
				fmt.Sprintf("Helm uninstall returned information: %q", answer.Info))
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-k.ctx.Done():
		return fmt.Errorf("uninstall of %s was cancelled; what is left of it goes with the next destroy", spec.id())
	case <-time.After(spec.limit() + time.Minute):
		return fmt.Errorf("uninstall of %s did not end within %s", spec.id(), spec.limit()+time.Minute)
	}
}
