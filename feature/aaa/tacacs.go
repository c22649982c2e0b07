package aaa

import (
	"slices"

	"trunkline/config/schema"
	"trunkline/feature"
)

// tacacsName is the name of the feature in the tree.
const tacacsName = "tacacs"

const tacacsPort = 49

// TacacsServerConfig is the configuration of one TACACS+ server; zero fields are the
// settings of all.
type TacacsServerConfig struct {
	Port, Timeout uint32
	Key           SharedKey
	Single        string
}

// TacacsConfig are the settings of all TACACS+ servers, and what only they can do.
type TacacsConfig struct {
	Timeout, Deadtime        uint32
	Key                      SharedKey
	Directed, ASCII          bool
	Commands, ConfigCommands string
}

var (
	tcpPort = schema.Uint("tcp-port", "TCP port", 1, 65535)
	single  = schema.Enum("single-connection", schema.Keyword{Text: "single-connection", Help: "Keep the connection to the server"})
)

// TacacsFeature is the feature of TACACS+ servers, and of the authorization of
// commands by them.
var TacacsFeature = feature.GateLine("TACACS+", "feature tacacs+", feature.Feature{
	Name: tacacsName,
	Schema: joinGroups(schema.Group{
		Blocks: []schema.Block{{
			Path: "aaa/tacacs-server", Keys: []schema.Key{{Name: "host", Type: feature.HostName}}, Section: 12, Order: 15, Help: "TACACS+ server",
			Line:    "tacacs-server host <host> [port <port>|key <key>|timeout <timeout>|<single-connection>]*",
			Options: []string{"port", "key", "timeout", "single-connection"},
			Amend:   keepGiven, Stays: true,
		}},
		Leaves: slices.Concat(schema.Augment([]string{"aaa/tacacs-server"},
			schema.Bind("key", sharedKey, func(c *TacacsServerConfig) *SharedKey { return &c.Key }, "", "Secret shared with the server"),
			schema.Bind("port", tcpPort, func(c *TacacsServerConfig) *uint32 { return &c.Port }, "", "TCP port of the server").
				With(func(l *schema.Leaf) { l.Default = uint32(tacacsPort) }),
			schema.Bind("timeout", seconds, func(c *TacacsServerConfig) *uint32 { return &c.Timeout }, "", "Seconds to wait for an answer"),
			schema.Bind("single-connection", single, func(c *TacacsServerConfig) *string { return &c.Single }, "", "Keep the connection to the server"),
		), []schema.Leaf{
			schema.Bind("aaa/tacacs/key", sharedKey, func(c *TacacsConfig) *SharedKey { return &c.Key }, "tacacs-server key <key>", "Secret shared with servers that have none of their own").With(in12(11)),
			schema.Bind("aaa/tacacs/timeout", seconds, func(c *TacacsConfig) *uint32 { return &c.Timeout }, "tacacs-server timeout <timeout>", "Seconds to wait for an answer").
				With(in12(12)).With(func(l *schema.Leaf) { l.Default = uint32(defaultTimeout) }),
			schema.Bind("aaa/tacacs/deadtime", minutes, func(c *TacacsConfig) *uint32 { return &c.Deadtime }, "tacacs-server deadtime <minutes>", "Minutes in which a silent server is not asked").
				With(in12(13)).With(func(l *schema.Leaf) { l.Default = uint32(0) }),
			schema.Bind("aaa/tacacs/directed-request", schema.Flag, func(c *TacacsConfig) *bool { return &c.Directed }, "tacacs-server directed-request",
				"Let USER@SERVER log in by that server").With(in12(14)),
			schema.Bind("aaa/login/ascii-authentication", schema.Flag, func(c *TacacsConfig) *bool { return &c.ASCII }, "aaa authentication login ascii-authentication",
				"Answer the questions of TACACS+ servers in place of PAP").With(in12(22)),
			schema.Bind("aaa/authorization/config-commands", authorizationMethods, func(c *TacacsConfig) *string { return &c.ConfigCommands },
				"aaa authorization config-commands default <methods>", "Who says what may be configured").
				With(in12(24)).With(func(l *schema.Leaf) { l.Default = LocalLogin }),
			schema.Bind("aaa/authorization/commands", authorizationMethods, func(c *TacacsConfig) *string { return &c.Commands },
				"aaa authorization commands default <methods>", "Who says which commands may be run").
				With(in12(25)).With(func(l *schema.Leaf) { l.Default = LocalLogin }),
		}),
		Words: schema.Words{
			"aaa": "Authentication, authorization and accounting", "aaa authentication": "Authentication of users", "aaa authentication login": "Login of users",
			"tacacs-server": "TACACS+ servers", "tacacs-server host": "TACACS+ server",
			"tacacs-server host key": "Secret shared with the server", "tacacs-server host port": "TCP port of the server",
			"tacacs-server host timeout": "Seconds to wait for an answer",
			"aaa authorization":          "Authorization of commands", "aaa authorization commands": "Commands of exec mode",
			"aaa authorization config-commands":         "Commands of configuration modes",
			"aaa authorization commands default":        "Who says which commands may be run",
			"aaa authorization config-commands default": "Who says what may be configured",
		},
	}, groupSchema(Tacacs, "config-tacacs+", 16)),
	Show: tacacsShows,
	Exec: tacacsExecs,
})
