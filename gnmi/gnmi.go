// Package gnmi is the product's gNMI service (gNMI specification; spec/gnmi.md).
// It is one more door to the one transaction: a Set is edits on a candidate of
// config.Store, refused by the same checks with the same messages as a CLI line.
//
//	config.Store ────┐                    ┌─▶ Get
//	(configuration)  ├─▶ image (own tree ─┤   walk, encode
//	feature.Observer ┘    ─▶ open tree)   └─▶ Subscribe: diff of two images
//	(state)
//
// Clients see two models. The product's own, origin trunkline, is the schema of
// configuration and state as the features declare it. OpenConfig is a table of
// path pairs on top of it (table.go), so that it holds no rule, range or message.
// Origin cli is the command language.
//
// An image is an immutable pair of trees. One lock orders the making of images;
// a client holds the image that it has read last and is sent the difference to
// the newest when it can take it. Nothing is queued, so a slow client costs
// nothing but what it has not yet let go of.
package gnmi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"trunkline/config"
	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/tcpsock"
)

// Bounds of the service.
const (
	maxMessage     = 16 << 20 // bytes received
	maxConnections = 512
	maxOfOneSite   = 256      // connections of one address, or /64 of IPv6
	maxRPCs        = 1024     // per connection
	window         = 64 << 10 // bytes that a stream may be ahead of who reads it; a message that is being read may come
	connWindow     = 1 << 20  // the same of a connection
	maxPaths       = 256      // of one RPC
	maxStreams     = 1024     // subscriptions under way
)

// Patience is how long a client may read nothing of what waits for it.
const Patience = time.Minute

// Config is what a Server serves.
type Config struct {
	Store    *config.Store
	State    *schema.Schema // of what Observer reports, nil for nothing
	Observer feature.Observer
	// Users proves who clients are; nil refuses all that do not come through a
	// Unix socket.
	Users feature.Authenticator
	// CLI serves origin cli; nil for not at all.
	CLI CLI
	// Rights are what roles allow now, and Owners the features that what they
	// read is of; nil for the built-in roles only.
	Rights func(r feature.Role) feature.Rights
	Owners feature.Owners
	// Refused is told of each Set that is refused, by what it asked; nil for
	// nobody.
	Refused func(m config.Meta)
	Log     *slog.Logger
}

// CLI is the command language as origin cli needs it.
type CLI interface {
	// Show runs one show command. Asked for its structure, it answers with JSON if
	// the command has one. An error is the operator's message.
	Show(ctx context.Context, who feature.Session, line string, structure bool) (text, json []byte, err error)
	// Apply makes configuration lines on a candidate. The error names the lines
	// that it could not make.
	Apply(c *config.Candidate, lines string) error
	// May returns feature.ErrPermission unless the user may turn one configuration
	// into another, MayRun unless he may run a command.
	May(ctx context.Context, who feature.Session, from, to tree.Tree) error
	MayRun(ctx context.Context, who feature.Session, line string) error
}

// Server is the service.
type Server struct {
	pb.UnimplementedGNMIServer
	cfg    Config
	schema *schema.Schema
	began  time.Time
	table  []entries
	open   *model
	own    *model

	imaging sync.Mutex
	image   *image // guarded by imaging

	arbitration arbitration
	shares      shares
	answer      int            // bytes of an answer, maxAnswer but for tests
	sending     sync.WaitGroup // of subscriptions
	patience    time.Duration  // how long a message to a client may wait
	loginTime   time.Duration  // loginTime but for tests
}

// Origins that clients may name.
const (
	openOrigin = "openconfig"
	ownOrigin  = schema.Module
)

// New returns a server. An error is a mistake in the table.
func New(cfg Config) (*Server, error) {
	s := &Server{
		cfg: cfg, schema: cfg.Store.Schema(), began: time.Now(), table: table(), image: &image{},
		shares: newShares(), answer: maxAnswer, patience: Patience, loginTime: loginTime,
	}
	root, err := compile(s.table, s.isList)
	if err != nil {
		return nil, err
	}
	s.open = &model{origin: openOrigin, root: root, tree: func(i *image) tree.Tree { return i.open }, samples: s.openSamples}
	s.own = &model{
		origin: ownOrigin, root: own(s.schema, cfg.State), tree: func(i *image) tree.Tree { return i.own },
		samples:  func(i *image, at tree.Path) iter.Seq2[tree.Path, cell] { return ownSamples(i, at) },
		defaults: s.defaultOf,
	}
	if err := s.checkTable(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) isList(path string) bool {
	for _, sch := range []*schema.Schema{s.schema, s.cfg.State} {
		if sch == nil {
			continue
		}
		if b := sch.Block(path); b != nil && len(b.Keys) > 0 {
			return true
		}
	}
	return false
}

// checkTable finds rows that name no leaf of the product.
func (s *Server) checkTable() error {
	var errs []error
	for i := range s.table {
		for j := range s.table[i].rows {
			e, r := &s.table[i], &s.table[i].rows[j]
			if r.leaf == "" || s.cfg.State == nil && r.node.leaf.class == stateLeaf {
				continue
			}
			if n := s.own.root.at(e.place); n == nil || n.at(r.rel) == nil || n.at(r.rel).leaf == nil {
				errs = append(errs, fmt.Errorf("openconfig table: %s/%s: the product has no leaf %s/%s", e.path, r.path, e.product, r.leaf))
			}
		}
	}
	return errors.Join(errs...)
}

// defaultOf returns the default in use of a configuration leaf that is not set,
// nil for none.
func (s *Server) defaultOf(i *image, at tree.Path) any {
	l := s.schema.Leaf(at)
	if l == nil || l.Default == nil || !l.AllowsKind(s.schema.Kind(i.running.Tree, at)) {
		return nil
	}
	return s.schema.Value(i.running.Tree, at)
}

// Serve answers clients of the listeners until ctx ends, and returns when all
// have gone. Those of secure listeners speak TLS; local ones are trusted as
// network-admin, so they are Unix sockets that only such users can reach.
func (s *Server) Serve(ctx context.Context, keys *tls.Config, secure, local []net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var servers []*grpc.Server
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.cfg.Store.Follow(ctx, func(_, _ config.Snapshot) { s.review() }) }) // ends with ctx
	errs := make(chan error, len(secure)+len(local))
	start := func(l net.Listener, trusted bool) {
		g := s.server(keys, trusted)
		servers = append(servers, g)
		wg.Go(func() {
			if err := g.Serve(tcpsock.Limit(l, maxConnections, maxOfOneSite)); err != nil && ctx.Err() == nil {
				errs <- fmt.Errorf("gNMI on %s: %w", l.Addr(), err)
			}
		})
	}
	for _, l := range secure {
		start(l, false)
	}
	for _, l := range local {
		start(l, true)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-errs:
	}
	cancel()
	for _, g := range servers {
		g.Stop()
	}
	wg.Wait()
	s.sending.Wait()
	return err
}

func (s *Server) server(config *tls.Config, trusted bool) *grpc.Server {
	gate := &gate{server: s, trusted: trusted, strangers: make(chan struct{}, maxStrangers)}
	options := []grpc.ServerOption{
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(connWindow),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(1 << 30), grpc.MaxConcurrentStreams(maxRPCs),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 15 * time.Second}),
		grpc.ConnectionTimeout(10 * time.Second),
		grpc.InTapHandle(gate.enter), grpc.ChainUnaryInterceptor(unary), grpc.ChainStreamInterceptor(stream),
	}
	if !trusted {
		options = append(options, grpc.Creds(tlsDoor{credentials.NewTLS(secured(config)), s}))
	}
	g := grpc.NewServer(options...)
	pb.RegisterGNMIServer(g, s)
	alive := health.NewServer()
	alive.SetServingStatus("gnmi.gNMI", grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(g, alive)
	reflection.Register(g)
	return g
}

// secured is a TLS configuration with the least version that is offered.
func secured(config *tls.Config) *tls.Config {
	c := config.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	if !slices.Contains(c.NextProtos, "h2") {
		c.NextProtos = append(slices.Clone(c.NextProtos), "h2")
	}
	return c
}
