package gnmi

import (
	"sync"

	"github.com/openconfig/gnmi/proto/gnmi_ext"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// where is the kind of RPC that an extension comes with.
type where uint8

const (
	onGet where = iota
	onSet
	onSubscribe
)

// asked are the extensions of one RPC.
type asked struct {
	depth       int // levels below a path, negative for all
	commit      *gnmi_ext.Commit
	arbitration *gnmi_ext.MasterArbitration
}

// extensions reads those of an RPC. What is known and not offered is
// Unimplemented; registered extensions of others are passed over.
func extensions(all []*gnmi_ext.Extension, on where) (asked, error) {
	a := asked{depth: -1}
	for _, e := range all {
		switch x := e.GetExt().(type) {
		case *gnmi_ext.Extension_Depth:
			if on == onSet {
				return a, status.Error(codes.InvalidArgument, "extension depth: not on a Set")
			}
			if n := x.Depth.GetLevel(); n > 0 {
				a.depth = int(min(n, maxElems))
			}
		case *gnmi_ext.Extension_Commit:
			if on != onSet {
				return a, status.Error(codes.InvalidArgument, "extension commit: only on a Set")
			}
			if a.commit != nil {
				return a, status.Error(codes.InvalidArgument, "extension commit: given twice")
			}
			a.commit = x.Commit
		case *gnmi_ext.Extension_MasterArbitration:
			a.arbitration = x.MasterArbitration
		case *gnmi_ext.Extension_History:
			return a, status.Error(codes.Unimplemented, "extension history is not offered")
		case *gnmi_ext.Extension_ConfigSubscription:
			return a, status.Error(codes.Unimplemented, "extension config_subscription is not offered")
		}
	}
	return a, nil
}

// maxRoles bounds the roles of which the highest election id is kept.
const maxRoles = 64

// arbitration keeps the highest election id of each role that clients take part
// in.
type arbitration struct {
	mu   sync.Mutex
	high map[string]*gnmi_ext.Uint128
}

// admit refuses a client that is not the master of its role.
func (a *arbitration) admit(m *gnmi_ext.MasterArbitration) error {
	if m == nil {
		return nil
	}
	id := m.GetElectionId()
	if id == nil {
		return status.Error(codes.InvalidArgument, "extension master_arbitration: no election id")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	role := m.GetRole().GetId()
	top := a.high[role]
	switch {
	case top == nil && len(a.high) >= maxRoles:
		return status.Errorf(codes.ResourceExhausted, "extension master_arbitration: more than %d roles", maxRoles)
	case top == nil || id.GetHigh() > top.GetHigh() || id.GetHigh() == top.GetHigh() && id.GetLow() >= top.GetLow():
		if a.high == nil {
			a.high = map[string]*gnmi_ext.Uint128{}
		}
		a.high[role] = &gnmi_ext.Uint128{High: id.GetHigh(), Low: id.GetLow()}
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "extension master_arbitration: another client is the master of role %q", clip(role))
}
