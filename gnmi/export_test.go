package gnmi

import (
	"context"

	"trunkline/feature"
)

// AsAdmin is the context of an RPC of a network-admin.
func AsAdmin(ctx context.Context) context.Context {
	return context.WithValue(ctx, callerKey{}, caller{Identity: feature.Identity{User: "admin", Role: feature.NetworkAdmin}, from: "test"})
}
