package gnmi

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"trunkline/feature"
)

// gate lets in who has proved who he is, once for each RPC: when its headers have
// come, before a message is read, so that strangers take no memory.
type gate struct {
	server    *Server
	trusted   bool          // the listener is a Unix socket of network-admins
	strangers chan struct{} // a token for each RPC under way that needs no login
}

// caller is who makes an RPC.
type caller struct {
	feature.Identity
	from  string // address
	local bool   // through a Unix socket
}

// session is the caller as the command language knows him.
func (c caller) session() feature.Session {
	return feature.Session{User: c.User, From: c.from, Role: c.Role}
}

// rights are those of the caller now.
func (s *Server) rights(c caller) feature.Rights {
	if s.cfg.Rights == nil || c.Role.Admin() {
		return feature.RightsOf(c.Role)
	}
	return s.cfg.Rights(c.Role)
}

type callerKey struct{}

// callerOf returns who makes the RPC of a context.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// open is the method that answers without a login.
const open = grpc_health_v1.Health_Check_FullMethodName

// Bounds of RPCs without a login.
const (
	maxStrangers    = 16
	strangersAnswer = 5 * time.Second
)

// enter is called with the headers of an RPC, for one after the other of a
// connection.
func (g *gate) enter(ctx context.Context, info *tap.Info) (context.Context, error) {
	if info.FullMethodName != open || g.trusted {
		who, err := g.login(ctx)
		if err != nil {
			return ctx, err
		}
		return g.server.admit(ctx, who, info.FullMethodName)
	}
	select {
	case g.strangers <- struct{}{}:
	default:
		return ctx, status.Errorf(codes.ResourceExhausted, "more than %d RPCs without a login", maxStrangers)
	}
	ctx, cancel := context.WithTimeout(ctx, strangersAnswer)
	context.AfterFunc(ctx, func() { cancel(); <-g.strangers })
	return ctx, nil
}

func (g *gate) login(ctx context.Context) (caller, error) {
	c := caller{from: "unix"}
	p, _ := peer.FromContext(ctx)
	if g.trusted {
		c.Identity, c.local = feature.Identity{User: "admin", Role: feature.NetworkAdmin}, true
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
		id, err := users.Password(ctx, user, password, c.from+"@grpc")
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
	t, ok := info.(proof)
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

func unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	resp, err := next(ctx, req)
	return resp, plainly(err)
}

func stream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	return plainly(next(srv, ss))
}

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
