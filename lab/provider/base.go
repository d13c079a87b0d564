package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// lastWords is the time in which Helm can still record that a release was cut short.
const lastWords = 3 * time.Second

// base is what both plugins share: who they are, the engine's log, and how they are cancelled.
type base struct {
	pulumirpc.UnimplementedResourceProviderServer
	name    string
	version string
	engine  pulumirpc.EngineClient
	// ctx ends when the engine cancels; whatever waits, waits on it.
	ctx    context.Context
	cancel context.CancelFunc
	notice sync.Once
}

func newBase(args []string) (*base, error) {
	b := &base{
		name:    strings.TrimPrefix(filepath.Base(args[0]), "pulumi-resource-"),
		version: version(args[0]),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	if len(args) > 1 {
		if err := b.connect(args[len(args)-1]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *base) connect(address string) error {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()), rpcutil.GrpcChannelOptions())
	if err != nil {
		return fmt.Errorf("the engine's address %q: %w", address, err)
	}
	b.engine = pulumirpc.NewEngineClient(conn)
	go b.watch(conn)
	return nil
}

// watch ends this process once the engine is gone (killed, say): nobody would hear of what it still does.
func (b *base) watch(conn *grpc.ClientConn) {
	for state := conn.GetState(); state != connectivity.TransientFailure; state = conn.GetState() {
		if state == connectivity.Idle {
			conn.Connect()
		}
		conn.WaitForStateChange(context.Background(), state)
	}
	b.cancel()
	time.Sleep(lastWords)
	os.Exit(1)
}

// log tells the person, through the engine; a message that cannot be told is not worth a failed run.
func (b *base) log(severity pulumirpc.LogSeverity, urn, message string) {
	if b.engine != nil {
		_, _ = b.engine.Log(b.ctx, &pulumirpc.LogRequest{Severity: severity, Urn: urn, Message: message})
	}
}

func (b *base) announce() {
	b.notice.Do(func() {
		b.log(pulumirpc.LogSeverity_INFO, "", fmt.Sprintf(
			"the official %s plugin could not be downloaded: the lab's stand-in serves instead", b.name))
	})
}

func (b *base) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, b.connect(req.GetAddress())
}

func (b *base) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: b.version}, nil
}

func (b *base) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: fmt.Sprintf(`{"name":%q,"version":%q}`, b.name, b.version)}, nil
}

func (b *base) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	b.cancel()
	return &emptypb.Empty{}, nil
}

func (b *base) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

func (b *base) Invoke(_ context.Context, req *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, b.refused("function", req.GetTok())
}

func (b *base) Call(_ context.Context, req *pulumirpc.CallRequest) (*pulumirpc.CallResponse, error) {
	return nil, b.refused("method", req.GetTok())
}

func (b *base) Construct(_ context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	return nil, b.refused("component", req.GetType())
}

func (b *base) refused(what, token string) error {
	return status.Errorf(codes.Unimplemented,
		"%s %q: the lab's stand-in for the %s plugin has none; install the official plugin "+
			"(`pulumi plugin install resource %s v%s`)", what, token, b.name, b.name, b.version)
}
