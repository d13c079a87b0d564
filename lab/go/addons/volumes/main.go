// Command volumes is the lab's dynamic provisioner: a folder of this machine for each claim.
//
// Provisioners that start a pod for each folder take three seconds for it; on one machine a folder is made at once.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// folders makes and removes the folders below root.
type folders struct{ root string }

// Provision makes the folder of a new volume; a pod of any user may write to it, as on an NFS share.
func (f folders) Provision(
	_ context.Context, options controller.ProvisionOptions,
) (*v1.PersistentVolume, controller.ProvisioningState, error) {
	claim := options.PVC
	path := filepath.Join(f.root, claim.Namespace+"_"+claim.Name+"_"+options.PVName)
	if err := os.MkdirAll(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	if err := os.Chmod(path, 0o777); err != nil {
		return nil, controller.ProvisioningFinished, err
	}
	volume := &v1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: v1.PersistentVolumeSpec{
			AccessModes:                   claim.Spec.AccessModes,
			Capacity:                      v1.ResourceList{v1.ResourceStorage: claim.Spec.Resources.Requests[v1.ResourceStorage]},
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			VolumeMode:                    claim.Spec.VolumeMode,
			PersistentVolumeSource:        v1.PersistentVolumeSource{HostPath: &v1.HostPathVolumeSource{Path: path}},
		},
	}
	return volume, controller.ProvisioningFinished, nil
}

// Delete removes the folder of a volume that is released.
func (f folders) Delete(_ context.Context, volume *v1.PersistentVolume) error {
	path := volume.Spec.HostPath.Path
	if filepath.Dir(path) != f.root {
		return &controller.IgnoredError{Reason: path + " is not one of this provisioner's folders"}
	}
	return os.RemoveAll(path)
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	name := flag.String("name", "", "the provisioner's name in a StorageClass")
	root := flag.String("root", "", "the folder that holds the volumes' folders")
	port := flag.Int("metrics-port", 0, "the port of loopback for metrics")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		klog.Fatalf("kubeconfig %s: %v", *kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		klog.Fatalf("kubeconfig %s: %v", *kubeconfig, err)
	}
	ctx, stop := signal.NotifyContext(klog.NewContext(context.Background(), klog.Background()), syscall.SIGTERM, os.Interrupt)
	defer stop()
	controller.NewProvisionController(
		ctx, client, *name, folders{*root},
		controller.LeaderElection(false), controller.MetricsAddress("127.0.0.1"), controller.MetricsPort(int32(*port)),
	).Run(ctx)
}
