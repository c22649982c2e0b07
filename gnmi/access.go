package gnmi

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"trunkline/feature"
)

// gate lets in who has proved who he is, once for each RPC, when it starts.
type gate struct {
	server  *Server
	trusted bool // the listener is a Unix socket of network-admins
}

// caller is who makes an RPC.
type caller struct {
	feature.Identity
	from string // address
}

type callerKey struct{}

// callerOf returns who makes the RPC of a context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// open are the services that answer without a login.
var open = [...]string{"/grpc.health.v1.Health/"}

func (g *gate) enter(ctx context.Context, method string) (context.Context, error) {
	for _, prefix := range open {
		if strings.HasPrefix(method, prefix) {
			return ctx, nil
		}
	}
	who, err := g.login(ctx)
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, callerKey{}, who), nil
}

func (g *gate) login(ctx context.Context) (caller, error) {
	c := caller{from: "unix"}
	p, _ := peer.FromContext(ctx)
	if g.trusted {
		c.Identity = feature.Identity{User: "admin", Role: feature.NetworkAdmin}
		return c, nil
	}
	if p != nil {
		c.from = p.Addr.String()
		if host, _, err := net.SplitHostPort(c.from); err == nil {
			c.from = host
		}
	}
	denied := status.Error(codes.Unauthenticated, "log in with the metadata keys username and password, or with a client certificate")
	users := g.server.cfg.Users
	if users == nil {
		return c, denied
	}
	md, _ := metadata.FromIncomingContext(ctx)
	user, password := one(md, "username"), one(md, "password")
	if user != "" || password != "" {
		id, err := users.Password(ctx, user, password, c.from)
		if err != nil && ctx.Err() != nil {
			return c, status.FromContextError(ctx.Err()).Err()
		}
		if err != nil {
			return c, status.Error(codes.Unauthenticated, "user name or password is wrong")
		}
		c.Identity = id
		return c, nil
	}
	if p != nil {
		if name := certified(p.AuthInfo); name != "" {
			if id, ok := users.Lookup(name); ok {
				c.Identity = id
				return c, nil
			}
		}
	}
	return c, denied
}

// certified returns the name in a client certificate that has been verified, ""
// for none.
func certified(info credentials.AuthInfo) string {
	t, ok := info.(credentials.TLSInfo)
	if !ok || len(t.State.VerifiedChains) == 0 {
		return ""
	}
	return commonName(t.State)
}

func commonName(s tls.ConnectionState) string {
	if len(s.PeerCertificates) == 0 {
		return ""
	}
	return s.PeerCertificates[0].Subject.CommonName
}

// one returns the value of a metadata key that is given once.
func one(md metadata.MD, key string) string {
	if v := md.Get(key); len(v) == 1 {
		return v[0]
	}
	return ""
}

func (g *gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := g.enter(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	resp, err := next(ctx, req)
	return resp, plainly(err)
}

func (g *gate) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx, err := g.enter(ss.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	return plainly(next(srv, &entered{ss, ctx}))
}

// entered is a stream of a caller who is known.
type entered struct {
	grpc.ServerStream
	ctx context.Context
}

// Context implements grpc.ServerStream.
func (e *entered) Context() context.Context { return e.ctx }

// plainly turns the end of a context into its status; other errors that are no
// status are the product's own.
func plainly(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Internal, err.Error())
}
