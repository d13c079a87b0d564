// Command policies enforces NetworkPolicies on the lab's one node: it is kube-network-policies' engine behind a queue
// of the kernel's (NFQUEUE).
//
// The kernel hands over the first packet of each connection that leaves a pod, and holds it until the engine has said
// whether a policy lets it through. kube-network-policies' own program makes the rules for that as well, with nftables'
// `queue`, which not every kernel has; here they are two rules of iptables (lab/cluster/policies.py).
package main

import (
	"context"
	"flag"
	"net/http"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/florianl/go-nfqueue/v2"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"mlflow.lab/addons/ready"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"
)

const (
	// headers is how many bytes of a packet the engine needs: addresses and ports.
	headers = 128
	// waiting is how many connections may wait for a verdict.
	waiting = 1024
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	node := flag.String("node", "", "name of the node whose pods are looked after")
	queue := flag.Uint("queue", 0, "number of the kernel's queue")
	health := flag.String("health", "", "the address that answers 200 once the queue is read")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, *node, uint16(*queue), *health); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, node string, queue uint16, health string) error {
	var reading atomic.Bool
	ended := make(chan error, 1)
	go func() { ended <- http.ListenAndServe(health, ready.Answering(&reading)) }()
	engine, err := engine(ctx, kubeconfig, node)
	if err != nil {
		return err
	}
	opened, err := nfqueue.Open(&nfqueue.Config{
		NfQueue: queue, MaxPacketLen: headers, MaxQueueLen: waiting,
		Copymode: nfqueue.NfQnlCopyPacket, Flags: nfqueue.NfQaCfgFlagGSO,
	})
	if err != nil {
		return err
	}
	defer opened.Close()
	judge := func(packet nfqueue.Attribute) int {
		if err := opened.SetVerdict(*packet.PacketID, verdict(ctx, engine, *packet.Payload)); err != nil {
			klog.Error(err)
		}
		return 0
	}
	failed := func(err error) int {
		if ctx.Err() == nil {
			klog.Error(err)
		}
		return 0
	}
	if err := opened.RegisterWithErrorFunc(ctx, judge, failed); err != nil {
		return err
	}
	reading.Store(true)
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// engine knows pods, namespaces and policies, and keeps up with them.
func engine(ctx context.Context, kubeconfig, node string) (*networkpolicy.PolicyEngine, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	pods, namespaces := factory.Core().V1().Pods(), factory.Core().V1().Namespaces()
	resolver, err := podinfo.NewInformerResolver(pods.Informer())
	if err != nil {
		return nil, err
	}
	provider := podinfo.NewInformerProvider(pods, namespaces, nil, []podinfo.IPResolver{resolver})
	policies := networkpolicy.NewStandardNetworkPolicy(node, namespaces, pods, factory.Networking().V1().NetworkPolicies())
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	return networkpolicy.NewPolicyEngine(provider, []api.PolicyEvaluator{policies}), nil
}

// verdict lets through what the policies let through, and drops what cannot be judged.
func verdict(ctx context.Context, engine *networkpolicy.PolicyEngine, payload []byte) int {
	packet, err := network.ParsePacket(payload)
	if err != nil {
		klog.ErrorS(err, "a packet that cannot be read is dropped")
		return nfqueue.NfDrop
	}
	allowed, err := engine.EvaluatePacket(ctx, &packet)
	if err != nil || !allowed {
		klog.InfoS("dropped", "from", packet.SrcIP, "to", packet.DstIP, "port", packet.DstPort, "error", err)
		return nfqueue.NfDrop
	}
	return nfqueue.NfAccept
}
