package gnmi

import (
	"context"
	"time"

	"trunkline/feature"
)

// AsAdmin is the context of an RPC of a network-admin.
func AsAdmin(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{Identity: feature.Identity{User: "admin", Role: feature.NetworkAdmin}, from: "test"})
}

// SetPatience is how long a message to a client of a subscription may wait.
func (s *Server) SetPatience(d time.Duration) { s.patience = d }

// Streams is the number of subscriptions under way.
func (s *Server) Streams() int { return s.shares.streams.Used() }

// Held is the number of bytes that clients make the server hold.
func (s *Server) Held() int { return s.shares.held.Used() }

// SetLoginTime is how long a connection may be without a login.
func (s *Server) SetLoginTime(d time.Duration) { s.loginTime = d }

// Connections is the number of connections with a login.
func (s *Server) Connections() int { return s.shares.conns.Used() }

// EachHeld is how many bytes one user may make the server hold, EachConnections
// how many connections he may have.
func EachHeld() int        { return heldShares.Each }
func EachConnections() int { return connShares.Each }

// SetAnswer bounds answers to so many bytes.
func (s *Server) SetAnswer(n int) { s.answer = n }

// MaxPaths is how many paths one request may have.
const MaxPaths = maxPaths

// EachStreams is how many subscriptions one user may have.
func EachStreams() int { return streamShares.Each }

// Ends returns a function that finds the ends of the messages of a stream.
func Ends() func(p []byte, end func(at int)) { return new(messages).see }
