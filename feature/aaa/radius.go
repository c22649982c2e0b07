package aaa

import (
	"slices"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/internal/secret"
)

// Limits and defaults of RADIUS servers (cli.md §9.2, NX-OS).
const (
	maxServers     = 64
	maxGroups      = 100
	defaultPort    = 1812
	defaultTimeout = 5
	defaultResend  = 1
)

// ServerConfig is the configuration of one RADIUS server; zero fields are the
// settings of all.
type ServerConfig struct {
	Port, Timeout, Retransmit uint32
	Key                       SharedKey
}

// SharedKey is a shared secret: its type 7 text, "" for none.
type SharedKey struct {
	Text   string
	Hidden bool // there is one, and the reader may not see it
}

// String is the canonical text.
func (k SharedKey) String() string {
	if k.Hidden {
		return "7 " + schema.Hidden
	}
	return "7 " + k.Text
}

// Clear is the secret itself.
func (k SharedKey) Clear() string {
	text, _ := secret.Reveal(k.Text)
	return text
}

// maxSharedKey is the length of the longest shared secret, in bytes (NX-OS).
const maxSharedKey = 63

// ofSeven reads the type 7 text of a secret, which may begin anywhere in the key of
// type 7: the same secret is the same configuration.
func ofSeven(s string) (SharedKey, error) {
	text, err := secret.Reveal(s)
	if err != nil || text == "" || len(text) > maxSharedKey {
		return SharedKey{}, schema.ErrInvalid
	}
	return SharedKey{Text: secret.Obscure(text)}, nil
}

var sharedKey = schema.Type[SharedKey]{
	Name: "shared-key",
	Syntax: schema.Syntax{
		Forms: []string{"<clear>", "0 <clear>", "7 <seven>"},
		Types: map[string]schema.AnyType{"clear": clear, "seven": schema.Type[string]{
			Name:   "key-7",
			Syntax: schema.Syntax{Notation: "WORD", Help: "Secret as type 7", Samples: []string{"0822455D0A16"}},
			Parse: func(s string) (string, error) {
				k, err := ofSeven(s)
				return k.Text, err
			},
			Format: func(s string) string { return s },
		}},
		Words:  schema.Words{"0": "The secret follows in clear text", "7": "The secret follows as type 7"},
		Secret: true, Samples: []string{"7 0822455D0A16"},
	},
	Parse: func(s string) (SharedKey, error) {
		kind, rest, more := strings.Cut(s, " ")
		if more && kind == "7" {
			return ofSeven(rest)
		}
		if more && kind == "0" {
			s = rest
		}
		text, err := clear.Parse(s)
		if err == nil && len(text) > maxSharedKey {
			err = schema.ErrTooLong(maxSharedKey)
		}
		if err != nil {
			return SharedKey{}, err
		}
		return SharedKey{Text: secret.Obscure(text)}, nil
	},
	Format: SharedKey.String,
	Masked: SharedKey{Hidden: true},
	Yang:   `string { pattern "7 [0-9A-F]+"; }`,
}

var groupName = schema.Word("group-name", "Name of the group", 64)

const (
	serverList = "aaa/radius-server"
	groupList  = "aaa/radius-group"
)

// everyServer is the group of all servers, which is always there.
const everyServer = "radius"

// LocalLogin is the method of users of the configuration.
const LocalLogin = "local"

// maxMethods is how many groups users may be proved by (NX-OS).
const maxMethods = 8

// methods is the type of how users are proved: local, or groups in turn.
var methods = schema.Type[string]{
	Name: "login-methods",
	Syntax: schema.Syntax{
		Forms: []string{LocalLogin, "group <group> [<second> [<third> [<fourth> [<fifth> [<sixth> [<seventh> [<eighth>]]]]]]]"},
		Types: map[string]schema.AnyType{
			"group": groupName, "second": groupName, "third": groupName, "fourth": groupName,
			"fifth": groupName, "sixth": groupName, "seventh": groupName, "eighth": groupName,
		},
		Words:   schema.Words{LocalLogin: "Users of the configuration", "group": "Groups of servers in turn, and users of the configuration where none answers"},
		Samples: []string{LocalLogin, "group LAB", "group LAB " + everyServer},
	},
	Parse: func(s string) (string, error) {
		words := strings.Split(s, " ")
		if s == LocalLogin {
			return s, nil
		}
		if len(words) < 2 || len(words) > 1+maxMethods || words[0] != "group" {
			return "", schema.ErrInvalid
		}
		for i, w := range words[1:] {
			if _, err := groupName.Parse(w); err != nil {
				return "", err
			}
			if slices.Contains(words[1:1+i], w) {
				return "", schema.ErrInvalid
			}
		}
		return s, nil
	},
	Format: func(s string) string { return s },
}

// RadiusConfig are the settings of all RADIUS servers.
type RadiusConfig struct {
	Timeout, Retransmit, Deadtime uint32
	Key                           SharedKey
	Login                         string
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

// radiusSchema are RADIUS servers, their groups, and who asks them.
var radiusSchema = schema.Group{
	Blocks: []schema.Block{{
		Path: serverList, Keys: []schema.Key{{Name: "host", Type: feature.HostName}}, Section: 12, Order: 5, Help: "RADIUS server",
		Line:    "radius-server host <host> [key <key>|auth-port <auth-port>|timeout <timeout>|retransmit <retransmit>]*",
		Options: []string{"key", "auth-port", "timeout", "retransmit"},
		Amend:   func(_ tree.Tree, _, _ string, value any) (any, error) { return value, nil }, Stays: true,
	}, {
		Path: groupList, Keys: []schema.Key{{Name: "group", Type: groupName}}, Line: "aaa group server radius <group>", Mode: "config-radius",
		Section: 12, Order: 6, Help: "Group of RADIUS servers",
	}},
	Leaves: slices.Concat(schema.Augment([]string{serverList},
		schema.Bind("key", sharedKey, func(c *ServerConfig) *SharedKey { return &c.Key }, "", "Secret shared with the server"),
		schema.Bind("auth-port", port, func(c *ServerConfig) *uint32 { return &c.Port }, "", "UDP port of authentication").
			With(func(l *schema.Leaf) { l.Default = uint32(defaultPort) }),
		schema.Bind("timeout", seconds, func(c *ServerConfig) *uint32 { return &c.Timeout }, "", "Seconds to wait for an answer"),
		schema.Bind("retransmit", ownResend, func(c *ServerConfig) *uint32 { return &c.Retransmit }, "", "How often a request is sent again"),
	), schema.Augment([]string{groupList},
		schema.Bind("servers", members, func(c *GroupConfig) *string { return &c.Servers }, "server <host>", "RADIUS servers of the group, in turn").
			With(func(l *schema.Leaf) { l.Join, l.Part, l.Lines = joinMembers, partMembers, memberLines }),
	), []schema.Leaf{
		schema.Bind("aaa/radius/key", sharedKey, func(c *RadiusConfig) *SharedKey { return &c.Key }, "radius-server key <key>", "Secret shared with servers that have none of their own").With(in12(1)),
		schema.Bind("aaa/radius/timeout", seconds, func(c *RadiusConfig) *uint32 { return &c.Timeout }, "radius-server timeout <timeout>", "Seconds to wait for an answer").
			With(in12(2)).With(func(l *schema.Leaf) { l.Default = uint32(defaultTimeout) }),
		schema.Bind("aaa/radius/retransmit", resend, func(c *RadiusConfig) *uint32 { return &c.Retransmit }, "radius-server retransmit <times>", "How often a request is sent again").
			With(in12(3)).With(func(l *schema.Leaf) { l.Default = uint32(defaultResend) }),
		schema.Bind("aaa/radius/deadtime", minutes, func(c *RadiusConfig) *uint32 { return &c.Deadtime }, "radius-server deadtime <minutes>", "Minutes in which a silent server is not asked").
			With(in12(4)).With(func(l *schema.Leaf) { l.Default = uint32(0) }),
		schema.Bind("aaa/login/default", methods, func(c *RadiusConfig) *string { return &c.Login }, "aaa authentication login default <methods>", "How users are proved").
			With(in12(7)).With(func(l *schema.Leaf) { l.Default = LocalLogin }),
	}),
	Words: schema.Words{
		"radius-server": "RADIUS servers", "radius-server host": "RADIUS server",
		"radius-server host key": "Secret shared with the server", "radius-server host auth-port": "UDP port of authentication",
		"radius-server host timeout": "Seconds to wait for an answer", "radius-server host retransmit": "How often a request is sent again",
		"aaa group": "Groups of servers", "aaa group server": "Groups of servers", "aaa group server radius": "Group of RADIUS servers",
		"server": "RADIUS server of the group", "aaa authentication login": "Login of users", "aaa authentication login default": "How users are proved",
	},
}

var aaaRoot = tree.Path{{Name: "aaa"}}

func aaaPath(names ...string) tree.Path {
	p := aaaRoot
	for _, n := range names {
		p = p.Child(n)
	}
	return p
}

// Server is a RADIUS server with what holds for it.
type Server struct {
	Host       string
	Port       uint16
	Key        string // in clear text
	Timeout    time.Duration
	Retransmit int
}

// LoginGroups are the groups of servers that users are proved by, in turn; none
// where they are of the configuration.
func LoginGroups(t tree.Tree) []string {
	words := strings.Fields(feature.Read(t, aaaPath("login", "default"), LocalLogin))
	if len(words) == 0 || words[0] != "group" {
		return nil
	}
	return words[1:]
}

// GroupServers are the servers of a group, in the order of configuration.
func GroupServers(t tree.Tree, group string) []Server {
	var all []Server
	for _, host := range groupHosts(t, group) {
		if t.Exists(aaaRoot.Entry("radius-server", host)) {
			all = append(all, ServerOf(t, host))
		}
	}
	return all
}

// ServerOf reads one.
func ServerOf(t tree.Tree, host string) Server {
	at := aaaRoot.Entry("radius-server", host)
	timeout := feature.Read(t, at.Child("timeout"), feature.Read(t, aaaPath("radius", "timeout"), uint32(defaultTimeout)))
	again := feature.Read(t, aaaPath("radius", "retransmit"), uint32(defaultResend))
	if own := feature.Read(t, at.Child("retransmit"), uint32(0)); own > 0 {
		again = own - 1
	}
	key := feature.Read(t, at.Child("key"), feature.Read(t, aaaPath("radius", "key"), SharedKey{}))
	return Server{
		Host: host, Port: uint16(feature.Read(t, at.Child("auth-port"), uint32(defaultPort))), Key: key.Clear(),
		Timeout: time.Duration(timeout) * time.Second, Retransmit: int(again),
	}
}

// Deadtime is for how long a silent server is not asked.
func Deadtime(t tree.Tree) time.Duration {
	return time.Duration(feature.Read(t, aaaPath("radius", "deadtime"), uint32(0))) * time.Minute
}

// Servers are the names of all servers, Groups those of all groups.
func Servers(t tree.Tree) []string { return sorted(t, "radius-server") }

// Groups are the names of all groups.
func Groups(t tree.Tree) []string { return sorted(t, "radius-group") }

func sorted(t tree.Tree, list string) []string {
	all := slices.Collect(t.Keys(aaaRoot.Child(list)))
	slices.SortFunc(all, tree.Compare)
	return all
}
