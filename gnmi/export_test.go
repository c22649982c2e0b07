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

// SetAnswer bounds answers to so many bytes.
func (s *Server) SetAnswer(n int) { s.answer = n }

// MaxPaths is how many paths one request may have.
const MaxPaths = maxPaths

// EachStreams is how many subscriptions one user may have.
func EachStreams() int { return streamShares.Each }
