package aaa

import (
	"slices"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Defaults of RADIUS servers (cli.md §9.2).
const (
	radiusPort     = 1812
	radiusAcctPort = 1813
	defaultResend  = 1
)

// ServerConfig is the configuration of one RADIUS server; zero fields are the
// settings of all.
type ServerConfig struct {
	Port, AcctPort, Timeout, Retransmit uint32
	Key                                 SharedKey
}

// RadiusConfig are the settings of all RADIUS servers.
type RadiusConfig struct {
	Timeout, Retransmit, Deadtime uint32
	Key                           SharedKey
}

var (
	seconds = schema.Uint("radius-timeout", "Seconds to wait for an answer", 1, 60)
	resend  = schema.Uint("radius-retransmit", "How often a request is sent again", 0, 5)
	port    = schema.Uint("udp-port", "UDP port", 1, 65535)
	minutes = schema.Uint("deadtime", "Minutes in which a silent server is not asked", 0, 1440)
)

// ownResend is resend of one server: one more than the number, as none is not 0.
var ownResend = func() schema.Type[uint32] {
	t := resend
	t.Name = "server-retransmit"
	t.Parse = func(s string) (uint32, error) {
		n, err := resend.Parse(s)
		return n + 1, err
	}
	t.Format = func(v uint32) string { return resend.Format(max(v, 1) - 1) }
	return t
}()

func in12(order int) func(l *schema.Leaf) {
	return func(l *schema.Leaf) { l.Section, l.Order = 12, order }
}

// radiusSchema are RADIUS servers and their groups.
var radiusSchema = joinGroups(schema.Group{
	Blocks: []schema.Block{{
		Path: "aaa/radius-server", Keys: []schema.Key{{Name: "host", Type: feature.HostName}}, Section: 12, Order: 5, Help: "RADIUS server",
		Line:    "radius-server host <host> [key <key>|auth-port <auth-port>|acct-port <acct-port>|timeout <timeout>|retransmit <retransmit>]*",
		Options: []string{"key", "auth-port", "acct-port", "timeout", "retransmit"},
		Amend:   keepGiven, Stays: true,
	}},
	Leaves: slices.Concat(schema.Augment([]string{"aaa/radius-server"},
		schema.Bind("key", sharedKey, func(c *ServerConfig) *SharedKey { return &c.Key }, "", "Secret shared with the server"),
		schema.Bind("auth-port", port, func(c *ServerConfig) *uint32 { return &c.Port }, "", "UDP port of authentication").
			With(func(l *schema.Leaf) { l.Default = uint32(radiusPort) }),
		schema.Bind("acct-port", port, func(c *ServerConfig) *uint32 { return &c.AcctPort }, "", "UDP port of accounting").
			With(func(l *schema.Leaf) { l.Default = uint32(radiusAcctPort) }),
		schema.Bind("timeout", seconds, func(c *ServerConfig) *uint32 { return &c.Timeout }, "", "Seconds to wait for an answer"),
		schema.Bind("retransmit", ownResend, func(c *ServerConfig) *uint32 { return &c.Retransmit }, "", "How often a request is sent again"),
	), []schema.Leaf{
		schema.Bind("aaa/radius/key", sharedKey, func(c *RadiusConfig) *SharedKey { return &c.Key }, "radius-server key <key>", "Secret shared with servers that have none of their own").With(in12(1)),
		schema.Bind("aaa/radius/timeout", seconds, func(c *RadiusConfig) *uint32 { return &c.Timeout }, "radius-server timeout <timeout>", "Seconds to wait for an answer").
			With(in12(2)).With(func(l *schema.Leaf) { l.Default = uint32(defaultTimeout) }),
		schema.Bind("aaa/radius/retransmit", resend, func(c *RadiusConfig) *uint32 { return &c.Retransmit }, "radius-server retransmit <times>", "How often a request is sent again").
			With(in12(3)).With(func(l *schema.Leaf) { l.Default = uint32(defaultResend) }),
		schema.Bind("aaa/radius/deadtime", minutes, func(c *RadiusConfig) *uint32 { return &c.Deadtime }, "radius-server deadtime <minutes>", "Minutes in which a silent server is not asked").
			With(in12(4)).With(func(l *schema.Leaf) { l.Default = uint32(0) }),
	}),
	Words: schema.Words{
		"radius-server": "RADIUS servers", "radius-server host": "RADIUS server",
		"radius-server host key": "Secret shared with the server", "radius-server host auth-port": "UDP port of authentication",
		"radius-server host acct-port": "UDP port of accounting",
		"radius-server host timeout":   "Seconds to wait for an answer", "radius-server host retransmit": "How often a request is sent again",
	},
}, groupSchema(Radius, "config-radius", 6))

// keepGiven amends an entry by what a line says.
func keepGiven(_ tree.Tree, _, _ string, value any) (any, error) { return value, nil }
