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
func (s *Server) Streams() int { return len(s.streams) }
