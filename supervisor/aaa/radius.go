package aaa

import (
	"context"
	"net"

	"trunkline/config/tree"
	"trunkline/feature"
	users "trunkline/feature/aaa"
	"trunkline/internal/radius"
)

// nas is how the switch names itself to servers.
const nas = "trunkline"

// radiusServer is a server as its client sees it, at one of its ports.
func (r *remote) radiusServer(s users.Server, port uint16) radius.Server {
	return radius.Server{
		Dial:   func(ctx context.Context) (net.Conn, error) { return r.dial(ctx, "udp", s.Host, port, s.FromManagement) },
		Secret: s.Key, Timeout: s.Timeout, Retransmit: s.Retransmit,
	}
}

// radiusLogin asks a server for a user, and what he may; from nowhere if source is
// "". Without roles that there are he is a network-operator.
func (r *remote) radiusLogin(ctx context.Context, t tree.Tree, s users.Server, user, password, source string) (feature.Role, bool, error) {
	more := []radius.Attribute{{Type: radius.NASIdentifier, Value: []byte(nas)}}
	if source != "" {
		more = append(more, radius.Attribute{Type: radius.CallingStationID, Value: []byte(source)})
	}
	request, err := radius.Login(user, password, s.Key, more...)
	if err != nil {
		return "", false, nil // no server has such a user
	}
	var answer *radius.Packet
	err = r.counted(s, toProve, func() (err error) {
		answer, err = r.radiusServer(s, s.Port).Exchange(ctx, request)
		return err
	})
	if err != nil || answer.Code != radius.AccessAccept {
		return "", false, err
	}
	role := rolesOf(t, answer.AVPairs())
	if role == "" {
		role = feature.NetworkOperator
	}
	return role, true, nil
}
